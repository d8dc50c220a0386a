"""`payvand service`."""

from importlib import import_module

from hub.parts.services import SERVICES
from runtime import service as runner
from runtime.errors import NotFound


def service(name: str) -> None:
    """Run the service until SIGTERM."""
    if name not in SERVICES:
        raise NotFound(f"there is no service {name!r}", hint=f"one of {', '.join(SERVICES)}")
    runner.main(name, import_module(f"services.{name}.app").build)
