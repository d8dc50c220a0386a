"""`payvand up`."""

import asyncio
from pathlib import Path

from rich.console import Console

from hub.embedded import Hub
from hub.parts.gateway import Public
from hub.parts.services import SERVICES
from hub.plan import Options


def up(data: Path, host: str, port: int, smtp_port: int, *, demo: bool, simulators: bool, only: list[str] | None) -> None:
    """Run the hub until it is asked to stop."""
    options = Options(
        data=data.absolute(),
        public=Public(host, port),
        smtp_port=smtp_port,
        demo=demo,
        simulators=simulators,
        services=SERVICES if only is None else tuple(name for name in SERVICES if name in only),
    )
    code = asyncio.run(Hub(options, Console(stderr=False)).run())
    raise SystemExit(code)
