"""Our own services, one process each, and the simulators of the providers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.parts.part import Launch, Part, http_ready

SERVICES = ("ingest", "profile", "router", "notifier", "desk")
ROUTER = "router"
HOME = "PAYVAND_ROUTER_HOME"
PARTS_BELOW = ("postgres", "valkey", "broker")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a service. `env` is what it alone is told."""

    name: str
    service: str
    env: Mapping[str, str] = field(default_factory=dict)


def processes(services: Sequence[str], domains: Sequence[str]) -> tuple[Process, ...]:
    """One of each service; with several routing domains a router for each, at home in it. The first domain's is `router`."""
    found = [Process(name, name) for name in services]
    if len(domains) > 1 and ROUTER in services:
        found[services.index(ROUTER) : services.index(ROUTER) + 1] = [
            Process(ROUTER if domain == domains[0] else f"{ROUTER}-{domain}", ROUTER, {HOME: json.dumps([domain])})
            for domain in domains
        ]
    return tuple(found)


def service(process: Process, env: Mapping[str, str], port: int, needs: tuple[str, ...]) -> Part:
    """One process of a service on its loopback port; ready when it says so itself."""

    async def ready() -> bool:
        return await http_ready(port)

    def launch() -> Launch:
        return Launch(("service", process.service), env={**env, **process.env, "PAYVAND_HTTP_PORT": str(port)}, payvand=True)

    return Part(process.name, launch, ready, needs=needs, port=port)


def simulators(env: Mapping[str, str], port: int) -> Part:
    """The simulated providers; they need nothing of ours. `env` names their ports, one of which answers for their health."""

    async def ready() -> bool:
        return await http_ready(port, "/health/ready")

    def launch() -> Launch:
        return Launch(("simulators",), env=env, payvand=True)

    return Part("simulators", launch, ready, port=port)
