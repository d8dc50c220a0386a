"""Profile's composition root."""

from runtime.service import Kit, Service
from runtime.stage import Stage
from schemas.decisions import WorkEnded
from schemas.topics import INTERACTIONS_RECEIVED, ROUTING_DECISIONS
from services.profile.adapters import http
from services.profile.adapters.postgres import PostgresRecord
from services.profile.handlers import EndConversations, Identify


def build(kit: Kit) -> Service:
    """Put profile together."""
    domains = kit.settings.domains
    record = PostgresRecord(domains)
    return Service(
        "profile",
        stages=(
            Stage("identify", (INTERACTIONS_RECEIVED,), Identify(record, kit.settings.default_region, domains)),
            Stage("end-conversations", (ROUTING_DECISIONS,), EndConversations(record), takes=(WorkEnded,), unhurried=True),
        ),
        routers=(http.router(kit, record),),
    )
