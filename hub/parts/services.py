"""Our own services, one process each, and the simulators of the providers."""

from collections.abc import Mapping

from hub.parts.part import Launch, Part, http_ready

SERVICES = ("ingest", "profile", "router", "notifier", "desk")
PARTS_BELOW = ("postgres", "valkey", "broker")


def service(name: str, env: Mapping[str, str], port: int, needs: tuple[str, ...]) -> Part:
    """One service on its loopback port; ready when it says so itself."""

    async def ready() -> bool:
        return await http_ready(port)

    def launch() -> Launch:
        return Launch(("service", name), env={**env, "PAYVAND_HTTP_PORT": str(port)}, payvand=True)

    return Part(name, launch, ready, needs=needs, port=port)


def simulators(env: Mapping[str, str], port: int) -> Part:
    """The simulated providers; they need nothing of ours. `env` names their ports, one of which answers for their health."""

    async def ready() -> bool:
        return await http_ready(port, "/health/ready")

    def launch() -> Launch:
        return Launch(("simulators",), env=env, payvand=True)

    return Part("simulators", launch, ready, port=port)
