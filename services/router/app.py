"""The router's composition root."""

from dataclasses import dataclass
from functools import partial

from runtime.errors import Misconfigured
from runtime.service import Kit, Service, Task
from runtime.stage import Stage
from schemas.topics import INTERACTIONS_IDENTIFIED, ROUTING_COMMANDS
from services.router.adapters import http, http_policies
from services.router.adapters.ownership import Ownership
from services.router.adapters.policy_yaml import read_policy
from services.router.adapters.postgres import PostgresLedger
from services.router.adapters.replay_process import Replays
from services.router.adapters.sharing import leave_nothing_behind, share_of
from services.router.adapters.states import States
from services.router.adapters.timekeeper import Timekeeper
from services.router.handlers import Router
from services.router.settings import RouterSettings


@dataclass(frozen=True, slots=True)
class Domain:
    """What works on one routing domain."""

    router: Router
    stage: Stage
    tasks: tuple[Task, ...]


def build(kit: Kit) -> Service:
    """Put the router together. Every process can work on every domain; which it takes first is a setting.

    Raises Misconfigured when that setting names a domain that is none.
    """
    settings = RouterSettings()
    domains = kit.settings.domains
    if strange := settings.home - set(domains.names):
        raise Misconfigured(
            f"PAYVAND_ROUTER_HOME names {', '.join(sorted(strange))}",
            hint=f"routing domains are {', '.join(domains.names)}; others are named in routing_domains",
        )
    made = [_domain(kit, settings, name) for name in domains.names]
    states = States([one.router for one in made], kit.transaction)
    return Service(
        "router",
        stages=tuple(one.stage for one in made),
        routers=(http.router(states), http_policies.router(states, Replays(kit.database.url))),
        tasks=(partial(leave_nothing_behind, kit.database, domains), *(task for one in made for task in one.tasks)),
    )


def _domain(kit: Kit, settings: RouterSettings, name: str) -> Domain:
    router = Router(PostgresLedger(read_policy, name), read_policy, settings.terms(), name)
    at_home = not settings.home or name in settings.home
    ownership = Ownership(router, kit.database, kit.transaction, 0 if at_home else settings.away_seconds)
    timekeeper = Timekeeper(router, kit.transaction, kit.clock)
    share = share_of(name, kit.settings.domains)
    topics = (INTERACTIONS_IDENTIFIED, ROUTING_COMMANDS)
    stage = Stage(share.reader, topics, router.handle, owner=ownership, share=share)
    return Domain(router, stage, (ownership.run, timekeeper.run))
