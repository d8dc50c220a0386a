"""How customers wait, as the desk tells it: place and estimate while they are fresh, and promises that were not kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from runtime import http
from runtime.service import Kit
from schemas import decisions
from schemas.envelope import Event
from services.desk.adapters.seeding.organisation import PASSWORD
from services.desk.adapters.seeding.seed import seed_demo
from services.desk.app import build
from tests.component.test_desk_api import HEADERS, log_in
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, REASON, Story, event


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("desk")
    await seed_demo(kit)
    return kit


@pytest.fixture
async def client(kit: Kit) -> AsyncIterator[httpx.AsyncClient]:
    """Sara's browser."""
    transport = httpx.ASGITransport(http.build(kit, build(kit)), client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=HEADERS) as client:
        assert (await log_in(client, "sara", PASSWORD)).status_code == 200
        yield client


async def follow(kit: Kit, *events: Event[Any]) -> None:
    """What the desk's stage does with a batch."""
    (stage,) = build(kit).stages
    async with kit.transaction() as unit:
        await stage.handle(unit, events)


class Wait:
    """One wait, begun so many seconds ago."""

    def __init__(self, ago: float, seq: int = 1) -> None:
        self.since = datetime.now(UTC) - timedelta(seconds=ago)
        self.seq = seq

    def _told(self, at: datetime) -> dict[str, Any]:
        self.seq += 1
        return {"seq": self.seq, "at": at, "work_item_id": CONVERSATION, "queue_id": "support"}

    def queued(self) -> Event[Any]:
        return event(
            decisions.WorkQueued(**self._told(self.since), channel="email", enqueued_at=self.since, reason=REASON, position=9)
        )

    def updated(self, position: int, ago: float = 0) -> Event[Any]:
        at = datetime.now(UTC) - timedelta(seconds=ago)
        return event(decisions.WaitingUpdated(**self._told(at), position=position, estimate_seconds=90))

    def breached(self) -> Event[Any]:
        due = self.since + timedelta(minutes=2)
        return event(decisions.SlaBreached(**self._told(due), enqueued_at=self.since, due=due))

    def ended(self) -> Event[Any]:
        told = self._told(datetime.now(UTC))
        del told["queue_id"]
        return event(decisions.WorkEnded(**told, outcome="resolved", agent_id="sara"))


async def shown(client: httpx.AsyncClient) -> list[tuple[int | None, float | None, bool]]:
    """(place, estimate, whether late) of each wait."""
    waits = (await client.get("/api/waits")).json()
    assert {wait["conversation_id"] for wait in waits} <= {str(CONVERSATION)}
    return [(wait["position"], wait["estimate_seconds"], wait["missed"] is not None) for wait in waits]


async def test_the_newest_word_on_a_wait_is_shown_whatever_the_order(client: httpx.AsyncClient, kit: Kit) -> None:
    wait = Wait(ago=200)
    first, newest = wait.updated(3), wait.updated(2)
    await follow(kit, Story().identified(), wait.queued(), newest)
    await follow(kit, first)
    assert await shown(client) == [(2, 90, False)]


async def test_a_place_told_long_ago_is_not_shown(client: httpx.AsyncClient, kit: Kit) -> None:
    wait = Wait(ago=900)
    await follow(kit, Story().identified(), wait.queued(), wait.updated(3, ago=600))
    assert await shown(client) == [(None, None, False)]


async def test_a_broken_promise_stays_until_the_end_and_is_not_held_against_the_next_wait(
    client: httpx.AsyncClient, kit: Kit
) -> None:
    wait = Wait(ago=300)
    await follow(kit, Story().identified(), wait.queued(), wait.breached())
    assert await shown(client) == [(None, None, True)]
    await follow(kit, wait.ended())
    assert await shown(client) == []
    await follow(kit, Wait(ago=1, seq=wait.seq).queued())
    assert await shown(client) == [(None, None, False)]


async def test_nobody_without_a_session_learns_of_waits(kit: Kit) -> None:
    transport = httpx.ASGITransport(http.build(kit, build(kit)))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=HEADERS) as stranger:
        assert (await stranger.get("/api/waits")).status_code == 401
