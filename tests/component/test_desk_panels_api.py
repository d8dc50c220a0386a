"""What the desk tells of wrap-ups and of agents who let offers run out, on real Postgres."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from runtime import http
from runtime.service import Kit
from schemas import decisions
from schemas.commands import CompleteWrapUp
from services.desk.adapters.seeding.organisation import PASSWORD
from services.desk.adapters.seeding.seed import seed_demo
from services.desk.app import build
from tests.component.test_desk_api import log_in, project, said
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, Story, event


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("desk")
    await seed_demo(kit)
    async with kit.transaction() as unit:
        await unit.run("DELETE FROM desk.outbox")
    return kit


@pytest.fixture
async def client(kit: Kit) -> AsyncIterator[httpx.AsyncClient]:
    """Sara's browser."""
    transport = httpx.ASGITransport(http.build(kit, build(kit)), client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers={"X-Payvand": "1"}) as client:
        assert (await log_in(client, "sara", PASSWORD)).status_code == 200
        yield client


def _told(seq: int, agent: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"seq": seq, "at": now, "work_item_id": CONVERSATION, "agent_id": agent, "queue_id": "support"}


def wrapping(seq: int, agent: str = "sara", seconds: float = 60) -> Any:
    """A wrap-up that lasts so long from now."""
    return event(decisions.WrapUpStarted(**_told(seq, agent), until=datetime.now(UTC) + timedelta(seconds=seconds)))


async def test_an_agent_sees_their_own_wrap_ups_until_they_are_over(client: httpx.AsyncClient, kit: Kit) -> None:
    await project(kit, Story().identified(name="Ada"), wrapping(1), wrapping(2, "reza"))
    (shown,) = (await client.get("/api/wrap-ups")).json()
    assert (shown["conversation_id"], shown["contact_name"]) == (str(CONVERSATION), "Ada")
    await project(kit, event(decisions.WrapUpEnded(**_told(3, "sara"), outcome="completed")))
    await project(kit, wrapping(1))
    assert (await client.get("/api/wrap-ups")).json() == []


async def test_a_wrap_up_whose_time_is_over_is_not_shown(client: httpx.AsyncClient, kit: Kit) -> None:
    await project(kit, wrapping(1, seconds=-1))
    assert (await client.get("/api/wrap-ups")).json() == []


async def test_done_is_asked_of_the_router_in_the_agent_s_own_name(client: httpx.AsyncClient, kit: Kit) -> None:
    done = await client.post(f"/api/conversations/{CONVERSATION}/wrap-up/done", json={"disposition": "solved"})
    assert done.status_code == 202
    asked = CompleteWrapUp.model_validate((await said(kit))[-1][2])
    assert asked == CompleteWrapUp(work_item_id=CONVERSATION, agent_id="sara", disposition="solved")


async def test_an_agent_learns_that_they_let_an_offer_run_out_until_they_are_back(client: httpx.AsyncClient, kit: Kit) -> None:
    there: dict[str, Any] = {"agent_id": "sara", "name": "Sara", "presence": "online", "epoch": 1, "capacity": 100, "used": 0}
    at = datetime.now(UTC)
    await project(kit, event(decisions.AgentChanged(seq=1, at=at, **there, not_responding=True)))
    assert (await client.get("/api/session")).json()["not_responding"] is True
    await project(kit, event(decisions.AgentChanged(seq=2, at=at, **there)))
    assert (await client.get("/api/session")).json()["not_responding"] is False


async def test_how_much_may_be_attached_is_told_with_the_ways_to_answer(client: httpx.AsyncClient, kit: Kit) -> None:
    await project(kit, Story().identified())
    told = (await client.get(f"/api/conversations/{CONVERSATION}/reply-options")).json()
    assert (told["max_attachments"], told["max_attachment_bytes"]) == (10, kit.settings.max_attachment_bytes)
