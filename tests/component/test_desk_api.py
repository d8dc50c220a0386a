"""The desk's HTTP API on real Postgres, as a browser uses it."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core import from_json

from runtime import http
from runtime.service import Kit
from schemas.commands import AcceptOffer, ApplyPolicy, ConfigureAgent, RejectOffer, ResolveWork, SetPresence, TransferWork
from schemas.envelope import Event
from schemas.replies import ReplyRequested
from services.desk import handlers
from services.desk.adapters.http import models
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from services.desk.adapters.seeding.organisation import PASSWORD
from services.desk.adapters.seeding.seed import seed_demo
from services.desk.app import build
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, Story

HEADERS = {"X-Payvand": "1"}


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("desk")
    await seed_demo(kit)
    async with kit.transaction() as unit:
        await unit.run("DELETE FROM desk.outbox")
    return kit


@pytest.fixture
async def client(kit: Kit) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session."""
    transport = httpx.ASGITransport(http.build(kit, build(kit)), client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=HEADERS) as client:
        yield client


async def log_in(client: httpx.AsyncClient, login: str = "sara", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/session", json={"login": login, "password": password})


async def nothing() -> None:
    """Nobody is woken."""


async def project(kit: Kit, *events: Event[Any]) -> None:
    async with kit.transaction() as unit:
        await partial(handlers.project, PostgresProjection(), PostgresFeed(nothing))(unit, events)


async def said(kit: Kit) -> list[tuple[str, str, dict[str, Any]]]:
    """(topic, key, payload) of all that was emitted."""
    async with kit.reading() as unit:
        parcels = await unit.rows("SELECT topics, keys, payloads FROM desk.outbox ORDER BY id")
    return [
        (topic, key.decode(), from_json(payload))
        for parcel in parcels
        for topic, key, payload in zip(parcel.topics, parcel["keys"], parcel.payloads, strict=True)
    ]


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_login_opens_a_session_and_logout_ends_it(client: httpx.AsyncClient, kit: Kit) -> None:
    answer = await log_in(client)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert answer.json() | {"locale": "fa"} == (await client.get("/api/session")).json()
    assert answer.json()["role"] == "agent"
    token = client.cookies["payvand_session"]
    await client.put("/api/presence", json={"state": "online"})
    assert (await client.delete("/api/session")).status_code == 204
    again = await client.get("/api/session", headers={"Cookie": f"payvand_session={token}"})
    assert again.status_code == 401
    assert again.headers["content-type"] == "application/problem+json"
    offline = SetPresence.model_validate((await said(kit))[-1][2])
    assert (offline.agent_id, offline.state, offline.lease_until) == ("sara", "offline", None)


async def test_the_token_is_not_stored_and_changes_with_each_login(client: httpx.AsyncClient, kit: Kit) -> None:
    await log_in(client)
    first = client.cookies["payvand_session"]
    await log_in(client)
    second = client.cookies["payvand_session"]
    assert first != second
    assert (await client.get("/api/session", headers={"Cookie": f"payvand_session={first}"})).status_code == 401
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT CAST(s AS text) AS stored FROM desk.sessions s")
    assert len(rows) == 1
    assert second not in rows[0].stored


async def test_an_expired_session_is_no_session(client: httpx.AsyncClient, kit: Kit) -> None:
    await log_in(client)
    async with kit.transaction() as unit:
        await unit.run("UPDATE desk.sessions SET expires_at = now() - interval '1 second'")
    assert (await client.get("/api/session")).status_code == 401


async def test_failed_logins_lock_out_even_with_the_right_password(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        assert (await log_in(client, password="wrong")).status_code == 401
    locked = await log_in(client)
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 60
    assert (await log_in(client, login="reza")).status_code == 200


async def test_an_unknown_login_is_refused_like_a_wrong_password(client: httpx.AsyncClient) -> None:
    unknown, wrong = await log_in(client, login="nobody"), await log_in(client, password="wrong")
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json() == wrong.json()


async def test_settings_of_ones_own_are_kept(client: httpx.AsyncClient) -> None:
    await log_in(client)
    assert (await client.patch("/api/session", json={"locale": "ru"})).json()["locale"] == "ru"
    await client.patch("/api/session", json={"color_scheme": "dark"})
    me = (await client.get("/api/session")).json()
    assert (me["locale"], me["color_scheme"]) == ("ru", "dark")


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _routes(kit: Kit, prefix: str) -> Sequence[tuple[str, str]]:
    found = [
        (method, route.path.replace("{id}", str(uuid4())))
        for router in build(kit).routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith(prefix)
        for method in sorted(route.methods or ())
    ]
    assert found
    return found


async def test_every_route_needs_a_session_and_every_change_the_header(client: httpx.AsyncClient, kit: Kit) -> None:
    for method, path in _routes(kit, "/api"):
        if (method, path) == ("POST", "/api/session"):
            continue
        bare = await client.request(method, path, headers={"X-Payvand": ""})
        assert bare.status_code == (401 if method == "GET" else 403), (method, path)
        assert (await client.request(method, path)).status_code == 401, (method, path)


async def test_every_public_route_needs_a_key_with_the_scope(client: httpx.AsyncClient, kit: Kit) -> None:
    weak = await kit.keys.create("weak", ("events:write",))
    await log_in(client)
    for method, path in _routes(kit, "/v1"):
        assert (await client.request(method, path)).status_code == 401, (method, path)
        answer = await client.request(method, path, headers={"Authorization": f"Bearer {weak}"})
        assert answer.status_code == 403, (method, path)


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_presence_and_answers_to_offers_go_to_the_router_in_order(client: httpx.AsyncClient, kit: Kit) -> None:
    await log_in(client)
    offer = uuid4()
    assert (await client.put("/api/presence", json={"state": "online"})).status_code == 202
    assert (await client.put("/api/presence", json={"state": "away"})).status_code == 202
    assert (await client.post(f"/api/offers/{offer}/accept")).status_code == 202
    assert (await client.post(f"/api/offers/{offer}/reject", json={"reason": "busy"})).status_code == 202
    emitted = await said(kit)
    assert {(topic, key) for topic, key, _ in emitted} == {("routing.commands", "main")}
    online, away = (SetPresence.model_validate(data) for _, _, data in emitted[:2])
    assert (online.state, away.state, away.epoch) == ("online", "away", online.epoch + 1)
    assert online.lease_until is not None
    assert AcceptOffer.model_validate(emitted[2][2]) == AcceptOffer(offer_id=offer, agent_id="sara")
    assert RejectOffer.model_validate(emitted[3][2]).reason == "busy"


async def test_offers_queues_and_agents_are_shown(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.queue("Support"), story.agent("sara", 10), story.identified(), story.offered("sara"))
    async with kit.transaction() as unit:
        await unit.run("UPDATE desk.work_items SET expires_at = now() + interval '1 minute'")
    await log_in(client)
    (offer,) = TypeAdapter(list[models.Offer]).validate_python((await client.get("/api/offers")).json())
    assert (offer.contact_name, offer.queue_name, offer.why.sentence) == ("Мария", "Support", "Because.")
    (queue,) = (await client.get("/api/queues")).json()
    assert (queue["queue_id"], queue["name"], queue["waiting"]) == ("support", "Support", 0)
    (agent,) = (await client.get("/api/agents")).json()
    assert agent == {"agent_id": "sara", "name": "Sara", "presence": "online", "used": 10, "capacity": 100}


async def test_an_agent_resolves_their_own_and_a_supervisor_any(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified(), story.assigned("sara"))
    for login, acting in (("sara", "sara"), ("admin", None)):
        await log_in(client, login)
        answer = await client.post(f"/api/conversations/{CONVERSATION}/resolve", json={"disposition": "answered"})
        assert answer.status_code == 202
        command = ResolveWork.model_validate((await said(kit))[-1][2])
        assert (command.work_item_id, command.agent_id, command.disposition) == (CONVERSATION, acting, "answered")


async def test_a_transfer_needs_one_target_and_keeps_its_note(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified(), story.assigned("sara"))
    await log_in(client)
    url = f"/api/conversations/{CONVERSATION}/transfer"
    assert (await client.post(url, json={"note": "x"})).status_code == 422
    assert (await client.post(url, json={"to_agent": "olga", "to_queue": "vip"})).status_code == 422
    assert (await client.post(url, json={"to_queue": "vip", "note": "A VIP after all"})).status_code == 202
    command = TransferWork.model_validate((await said(kit))[-1][2])
    assert (command.agent_id, command.to_agent, command.to_queue) == ("sara", None, "vip")
    timeline = (await client.get(f"/api/conversations/{CONVERSATION}")).json()["timeline"]
    assert [item["text"] for item in timeline if item["kind"] == "note"] == ["A VIP after all"]


# ── conversations ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_is_asked_for_once_with_where_the_customer_wrote(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified("Hello", subject="Order 7"), story.assigned("sara"))
    await log_in(client)
    url, key = f"/api/conversations/{CONVERSATION}/replies", {"Idempotency-Key": str(uuid4())}
    first = await client.post(url, json={"text": "Сейчас посмотрю."}, headers=key)
    again = await client.post(url, json={"text": "Сейчас посмотрю."}, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    ((topic, ordered_by, data),) = await said(kit)
    request = ReplyRequested.model_validate(data)
    assert (request.agent_id, request.author_name) == ("sara", "سارا احمدی")
    assert (topic, ordered_by) == ("replies.requested", str(CONVERSATION))
    assert (request.live_channel, request.live_inbox, request.agent_id) == ("email", "support", "sara")
    assert (request.thread.references, request.thread.subject) == (("<1@example.com>",), "Order 7")
    other = await client.post(url, json={"text": "Something else"}, headers=key)
    assert other.status_code == 409
    row = (await client.get(f"/api/conversations/{CONVERSATION}")).json()["conversation"]
    assert (row["preview"], row["unread"]) == ("Сейчас посмотрю.", 0)


async def test_the_same_key_of_another_agent_is_another_reply(client: httpx.AsyncClient, kit: Kit) -> None:
    await project(kit, Story().identified())
    key = {"Idempotency-Key": "the-same-key"}
    ids = set()
    for login in ("sara", "reza"):
        await log_in(client, login)
        answer = await client.post(f"/api/conversations/{CONVERSATION}/replies", json={"text": login}, headers=key)
        ids.add(answer.json()["item_id"])
    assert len(ids) == 2


async def test_a_timeline_shows_messages_steps_replies_and_how_far_they_came(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified(), story.queued(), story.assigned("sara"))
    await log_in(client)
    url = f"/api/conversations/{CONVERSATION}"
    reply = (await client.post(f"{url}/replies", json={"text": "Hi"}, headers={"Idempotency-Key": "key-of-reply"})).json()
    assert (reply["delivery"], reply["channel"]) == (None, None)
    story.reply = reply["item_id"]
    await project(kit, story.delivery("delivered"))
    view = models.ConversationView.model_validate((await client.get(url)).json())
    assert [item.kind for item in view.timeline] in (
        ["message", "event", "event", "reply"],
        ["reply", "message", "event", "event"],
    )
    shown = next(item for item in view.timeline if isinstance(item, models.ReplyItem))
    assert shown.delivery is not None
    assert (shown.channel, shown.delivery.state) == ("email", "delivered")
    assert view.contact.identifiers[0].value == "a@example.com"


async def test_lists_show_the_views(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified(), story.assigned("sara"))
    await log_in(client)
    for view, shown in (("mine", 1), ("all", 1), ("waiting", 0), ("resolved", 0)):
        page = (await client.get("/api/conversations", params={"view": view})).json()
        assert (len(page["items"]), page["next_cursor"]) == (shown, None), view
    assert (await client.get("/api/conversations", params={"cursor": "???"})).status_code == 422


async def test_reply_options_name_the_default_and_hide_the_address(client: httpx.AsyncClient, kit: Kit) -> None:
    await project(kit, Story().identified())
    await log_in(client)
    (option,) = (await client.get(f"/api/conversations/{CONVERSATION}/reply-options")).json()["channels"]
    assert option["default"] is True
    assert (option["channel"], option["address_hint"]) == ("email", "a…@example.com")


async def test_explain_tells_the_reason_of_every_step(client: httpx.AsyncClient, kit: Kit) -> None:
    story = Story()
    await project(kit, story.identified(), story.queued(), story.assigned("sara"))
    await log_in(client)
    told = (await client.get(f"/api/conversations/{CONVERSATION}/explain")).json()
    assert (told["sentence"], told["placed"], told["reason"]["rule"]) == ("Because.", True, "default")
    assert [step["code"] for step in told["history"]] == ["queued", "assigned"]


async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    await log_in(client)
    for path in ("", "/explain", "/reply-options"):
        assert (await client.get(f"/api/conversations/{uuid4()}{path}")).status_code == 404
    for path, body in (("replies", {"text": "x"}), ("notes", {"text": "x"}), ("resolve", {})):
        answer = await client.post(
            f"/api/conversations/{uuid4()}/{path}", json=body, headers={"Idempotency-Key": "some-key-here"}
        )
        assert answer.status_code == 404, path


# ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_program_follows_an_interaction_and_answers(client: httpx.AsyncClient, kit: Kit) -> None:
    key = await kit.keys.create("crm", ("interactions:read", "conversations:read", "conversations:write", "routing:read"))
    bearer = {"Authorization": f"Bearer {key}"}
    story = Story()
    identified = story.identified()
    url = f"/v1/interactions/{identified.id}"
    assert (await client.get(url, headers=bearer)).status_code == 404
    states = []
    for step in (identified, story.queued(), story.offered("sara"), story.assigned("sara")):
        await project(kit, step)
        states.append((await client.get(url, headers=bearer)).json()["state"])
    assert states == ["identified", "waiting", "offered", "assigned"]
    answer = await client.post(
        f"/v1/conversations/{CONVERSATION}/replies",
        json={"text": "Sent by the CRM"},
        headers=bearer | {"Idempotency-Key": "order-17-shipped"},
    )
    assert answer.status_code == 202
    assert answer.json()["author"] == "crm"
    async with kit.transaction() as unit:
        await unit.run("UPDATE desk.conversations SET replied_at = live_at + interval '1 second'")
    found = (await client.get(url, headers=bearer)).json()
    assert (found["state"], found["conversation_id"], found["assignee"]) == ("answered", str(CONVERSATION), "sara")
    assert (await client.get(f"/v1/conversations/{CONVERSATION}", headers=bearer)).status_code == 200


# ── seeding and the front end ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_seeding_twice_adds_nothing(make_kit: MakeKit) -> None:
    kit = make_kit("desk")
    assert "sara" in await seed_demo(kit)
    emitted = await said(kit)
    agents = [ConfigureAgent.model_validate(data) for _, _, data in emitted if "skills" in data]
    assert {agent.agent_id: agent.skills.get("lang.ru") for agent in agents}["olga"] == 5
    assert sum("text" in data and bool(ApplyPolicy.model_validate(data)) for _, _, data in emitted) == 1
    assert await seed_demo(kit) == []
    assert await said(kit) == emitted


async def test_the_front_end_is_served_with_its_headers(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVAND_DESK_WEB", str(tmp_path / "dist"))
    transport = httpx.ASGITransport(http.build(kit, build(kit)))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        missing = await client.get("/")
        assert missing.status_code == 503
        assert "make setup" in missing.text
        (tmp_path / "dist" / "assets").mkdir(parents=True)
        (tmp_path / "dist" / "index.html").write_text("<!doctype html><title>desk</title>")
        (tmp_path / "dist" / "assets" / "app.js").write_text("1")
        (tmp_path / "secret.txt").write_text("secret")
        page = await client.get("/conversations/some-id")
        assert page.text.startswith("<!doctype html>")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-cache"
        asset = await client.get("/assets/app.js")
        assert "immutable" in asset.headers["cache-control"]
        for path in ("/assets/none.js", "/api/nothing", "/v1/nothing", "/channels/x", "/chat/x"):
            assert (await client.get(path)).status_code == 404, path
        for path in ("/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"):
            assert "secret" not in (await client.get(path)).text, path


async def test_the_contract_is_complete_in_openapi(client: httpx.AsyncClient) -> None:
    contract = (await client.get("/openapi.json")).json()
    names = {"Me", "Offer", "ConversationRow", "ConversationView", "ReplyItem", "EventItem", "Explanation", "Problem"}
    assert names <= set(contract["components"]["schemas"])
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            for code, answer in operation["responses"].items():
                if code in ("200", "201"):
                    if "application/octet-stream" in answer["content"]:
                        continue
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema, (method, path)
