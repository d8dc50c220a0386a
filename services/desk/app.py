"""The desk, put together: a stage that follows the events, the API of the agents' desk, its live socket, and the front end."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from runtime import logs
from runtime.database import passes_by_itself
from runtime.errors import Transient
from runtime.service import Kit, Service
from runtime.stage import Stage
from runtime.unit import Unit
from schemas import topics
from schemas.decisions import GreetingDue
from schemas.envelope import Event
from services.desk import handlers
from services.desk.adapters.http import attachments
from services.desk.adapters.http.attachments import AttachmentRoutes
from services.desk.adapters.http.conversations import ConversationRoutes
from services.desk.adapters.http.desk import Desk
from services.desk.adapters.http.front import FrontRoutes
from services.desk.adapters.http.public import PublicRoutes
from services.desk.adapters.http.routing import RoutingRoutes
from services.desk.adapters.http.session import SessionRoutes
from services.desk.adapters.http.work import WorkRoutes
from services.desk.adapters.live.hub import LiveHub
from services.desk.adapters.live.socket import LiveRoutes
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from services.desk.adapters.postgres.waits import forget_waits, note_waits, waits
from services.desk.adapters.router_face import RouterFace
from services.desk.adapters.seeding.seed import seed_demo
from services.desk.domain.telling import Changes, Frame
from services.desk.domain.waiting import waits_of

__all__ = ["build", "seed_demo"]

_log = logs.get(__name__)
_PRUNE_SECONDS = 60


def build(kit: Kit) -> Service:
    """The desk over its parts."""
    hub = LiveHub(kit)
    desk = Desk(kit, PostgresFeed(hub.wake))
    projection = PostgresProjection()
    stage = Stage(
        "desk",
        (
            topics.INTERACTIONS_IDENTIFIED,
            topics.INTERACTIONS_AMENDED,
            topics.ROUTING_DECISIONS,
            topics.DELIVERIES_UPDATED,
            topics.CONTACTS_CHANGED,
        ),
        partial(_follow, desk, projection),
        unhurried=True,
    )
    routers = (
        SessionRoutes(desk).router,
        ConversationRoutes(desk).router,
        AttachmentRoutes(desk).router,
        WorkRoutes(desk).router,
        RoutingRoutes(desk, RouterFace(kit, desk.settings.router_url)).router,
        LiveRoutes(desk, hub).router,
        PublicRoutes(desk).router,
        FrontRoutes(desk.settings.web).router,
    )
    tasks = (hub.follow, hub.subscribe, partial(_pruning, desk, projection))
    return Service("desk", (stage,), routers, tasks, larger_bodies={attachments.PREFIX: kit.settings.max_attachment_bytes})


async def _follow(desk: Desk, projection: PostgresProjection, unit: Unit, events: Sequence[Event[Any]]) -> None:
    await handlers.project(projection, desk.feed, unit, events)
    await _follow_waits(desk, unit, events)
    for event in events:
        if isinstance(event.data, GreetingDue) and desk.settings.greetings:
            await handlers.greet(desk.conversations, desk.feed, ZoneInfo(desk.settings.time_zone), unit, event)


async def _follow_waits(desk: Desk, unit: Unit, events: Sequence[Event[Any]]) -> None:
    found = waits_of(events)
    if not found.touched():
        return
    await note_waits(unit, found)
    shown = await waits(unit, sorted(found.touched()))
    await desk.feed.tell(unit, Changes(frames=[Frame("wait", None, dict(wait)) for wait in shown]))


async def _pruning(desk: Desk, projection: PostgresProjection) -> None:
    while True:
        await asyncio.sleep(_PRUNE_SECONDS)
        try:
            async with desk.kit.transaction() as unit:
                await handlers.settle(projection, desk.feed, unit)
            async with desk.kit.transaction() as unit:
                await desk.feed.prune(unit)
                await forget_waits(unit)
            async with desk.kit.transaction() as unit:
                unused = await desk.conversations.forget_uploads(unit)
            for ref in unused:
                await desk.objects.delete(ref)
        except Exception as error:
            if not passes_by_itself(error) and not isinstance(error, Transient):
                raise
            _log.warning("pruning waits", trouble=type(error).__name__)
