"""The router's composition root."""

from runtime.service import Kit, Service
from runtime.stage import Stage
from schemas.topics import INTERACTIONS_IDENTIFIED, ROUTING_COMMANDS
from services.router.adapters import http, http_policies
from services.router.adapters.ownership import Ownership
from services.router.adapters.policy_yaml import read_policy
from services.router.adapters.postgres import PostgresLedger
from services.router.adapters.replay_process import Replays
from services.router.adapters.timekeeper import Timekeeper
from services.router.handlers import Router
from services.router.settings import RouterSettings


def build(kit: Kit) -> Service:
    """Put the router together."""
    router = Router(PostgresLedger(read_policy), read_policy, RouterSettings().terms())
    ownership = Ownership(router, kit.database, kit.transaction)
    timekeeper = Timekeeper(router, kit.transaction, kit.clock)
    return Service(
        "router",
        stages=(Stage("router", (INTERACTIONS_IDENTIFIED, ROUTING_COMMANDS), router.handle, owner=ownership),),
        routers=(
            http.router(router, kit.transaction),
            http_policies.router(router, kit.transaction, Replays(kit.database.url)),
        ),
        tasks=(ownership.run, timekeeper.run),
    )
