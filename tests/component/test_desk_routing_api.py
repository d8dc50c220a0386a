"""Routing policies and replays at the desk, with a real router behind it: roles, findings, who applied what."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic_core import from_json

from runtime import http
from runtime.service import Kit, Service
from schemas.commands import ApplyPolicy
from services.desk.adapters.http.desk import Desk
from services.desk.adapters.http.routing import RoutingRoutes
from services.desk.adapters.http.session import SessionRoutes
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.router_face import KEY_NAME, RouterFace
from services.desk.adapters.seeding.organisation import ORGANISATION
from services.desk.adapters.seeding.seed import seed_demo
from services.router.adapters import http_policies, replay_process
from services.router.adapters.replay_process import Replays
from services.router.adapters.states import States
from tests.component.test_desk_api import HEADERS, log_in, nothing
from tests.component.test_router import Owned, owned, take_over
from tests.conftest import MakeKit

__all__ = ("owned", "take_over")

POLICY = "default: {queue: general}"


def routes(kit: Kit, router: httpx.AsyncBaseTransport) -> httpx.ASGITransport:
    """The desk's log-in and routing routes before this router."""
    desk = Desk(kit, PostgresFeed(nothing))
    face = RouterFace(kit, "http://router.test", router)
    made = (SessionRoutes(desk).router, RoutingRoutes(desk, face).router)
    return httpx.ASGITransport(http.build(kit, Service("desk", routers=made)), client=("192.0.2.1", 1234))


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("desk")
    await seed_demo(kit)
    return kit


@pytest.fixture
async def client(kit: Kit, owned: Owned) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session."""
    policies = http_policies.router(States([owned.router], owned.kit.transaction), Replays(owned.kit.database.url))
    router = httpx.ASGITransport(http.build(owned.kit, Service("router", routers=(policies,))))
    async with httpx.AsyncClient(
        transport=routes(kit, router), base_url="http://desk.test", headers=HEADERS, timeout=120
    ) as made:
        yield made


ROUTES = (
    ("GET", "/api/routing/policies"),
    ("GET", "/api/routing/policies/current"),
    ("PUT", "/api/routing/policies/next"),
    ("POST", "/api/routing/lint"),
    ("POST", "/api/routing/replay"),
)


async def test_every_route_is_for_supervisors_only(client: httpx.AsyncClient, owned: Owned) -> None:
    body = {"text": POLICY, "policy": POLICY}
    assert {(await client.request(method, path, json=body)).status_code for method, path in ROUTES} == {401}
    await log_in(client, "sara")
    assert {(await client.request(method, path, json=body)).status_code for method, path in ROUTES} == {403}
    assert await owned.told(ApplyPolicy) == []


async def test_a_change_needs_the_header_that_other_sites_cannot_set(client: httpx.AsyncClient, owned: Owned) -> None:
    await log_in(client, "admin")
    refused = await client.put("/api/routing/policies/next", json={"text": POLICY}, headers={"X-Payvand": "0"})
    assert (refused.status_code, refused.json()["field"]) == (403, "X-Payvand")
    assert await owned.told(ApplyPolicy) == []


async def test_a_policy_is_checked_applied_and_shown_with_who_applied_it(client: httpx.AsyncClient, owned: Owned) -> None:
    await log_in(client, "admin")
    lint = (await client.post("/api/routing/lint", json={"text": "default: {queue: general, steps: [{for: 60s}]}"})).json()
    assert (lint["ok"], [one["code"] for one in lint["findings"]]) == (False, ["steps-without-end"])
    before = (await client.get("/api/routing/policies/current")).json()
    assert (before["version"], before["in_force"], before["applied_by"]) == ("built-in", True, None)

    assert (await client.put("/api/routing/policies/first", json={"text": POLICY})).status_code == 202
    [command] = await owned.told(ApplyPolicy)
    await owned.tell(command)
    shown = (await client.get("/api/routing/policies/current")).json()
    assert (shown["version"], shown["text"], shown["applied_by"]) == ("first", POLICY, "Alex Morgan")
    assert shown["applied_at"] is not None
    listed = {line["version"]: line["applied_by"] for line in (await client.get("/api/routing/policies")).json()}
    assert listed == {"built-in": None, "first": "Alex Morgan"}


async def test_a_refusal_of_the_router_is_passed_on_and_leaves_no_trace(client: httpx.AsyncClient, owned: Owned) -> None:
    await log_in(client, "admin")
    refused = await client.put("/api/routing/policies/next", json={"text": "default: {queue: A}"})
    assert (refused.status_code, refused.json()["field"]) == (422, "default.queue")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.get("/api/routing/policies/next")).status_code == 404
    assert [line["applied_by"] for line in (await client.get("/api/routing/policies")).json()] == [None]


async def test_a_replay_answers_with_both_runs(client: httpx.AsyncClient, owned: Owned) -> None:
    await log_in(client, "admin")
    found = await client.post("/api/routing/replay", json={"policy": ORGANISATION.policy, "version": "tried"})
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["policy"], told["different"], told["total"]["recorded"]["arrived"]) == ("tried", 0, 0)


SLOW = """
import os, sys, time
sys.stdin.read()
print('{"progress": {"done": %d, "of": 7}}' % os.getpid(), flush=True)
time.sleep(600)
"""


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """The address of an application on a real port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_a_supervisor_who_cancels_a_replay_ends_it_and_the_next_may_begin(
    kit: Kit, owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_process, "PROGRAM", ("-c", SLOW))
    policies = http_policies.router(States([owned.router], owned.kit.transaction), Replays(owned.kit.database.url))
    wish, lines = {"policy": POLICY}, {"Accept": "application/x-ndjson"}
    async with listening(http.build(owned.kit, Service("router", routers=(policies,)))) as router:
        desk = Desk(kit, PostgresFeed(nothing))
        made = (SessionRoutes(desk).router, RoutingRoutes(desk, RouterFace(kit, router)).router)
        async with (
            listening(http.build(kit, Service("desk", routers=made))) as url,
            httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60, trust_env=False) as client,
        ):
            await log_in(client, "admin")
            async with client.stream("POST", "/api/routing/replay", json=wish, headers=lines) as told:
                reading = told.aiter_lines()
                first = from_json(await anext(reading))
                assert first["progress"]["of"] == 7
                assert (await client.post("/api/routing/replay", json=wish, headers=lines)).status_code == 429
            async with asyncio.timeout(60):
                while psutil.pid_exists(first["progress"]["done"]):  # noqa: ASYNC110 - a foreign process has no event
                    await asyncio.sleep(0.02)
            monkeypatch.setattr(replay_process, "PROGRAM", ("-c", "import sys; sys.stdin.read(); print('{\"comparison\": 1}')"))
            again = await client.post("/api/routing/replay", json=wish, headers=lines)
            assert (again.status_code, again.json()) == (200, {"comparison": 1})


async def test_a_replay_that_breaks_off_on_its_way_says_so_in_its_last_line(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = 'import sys; sys.stdin.read(); print(\'{"progress": {"done": 0, "of": 2}}\'); sys.exit(1)'
    monkeypatch.setattr(replay_process, "PROGRAM", ("-c", broken))
    await log_in(client, "admin")
    told = await client.post("/api/routing/replay", json={"policy": POLICY}, headers={"Accept": "application/x-ndjson"})
    *_, last = told.content.splitlines()
    assert (told.status_code, from_json(last)["problem"]["status"]) == (200, 503)


async def test_a_revoked_key_of_the_desk_is_made_anew(client: httpx.AsyncClient, kit: Kit, owned: Owned) -> None:
    await log_in(client, "admin")
    assert (await client.get("/api/routing/policies")).status_code == 200
    assert await kit.keys.revoke(KEY_NAME)
    for keys in (kit.keys, owned.kit.keys):
        keys._known.clear()
    await client.get("/api/routing/policies")
    owned.kit.keys._known.clear()
    assert (await client.get("/api/routing/policies")).status_code == 200


async def test_processes_that_make_the_key_at_once_share_it(kit: Kit) -> None:
    def known(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["authorization"])

    faces = [RouterFace(kit, "http://router.test", httpx.MockTransport(known)) for _ in range(6)]
    answers = await asyncio.gather(*(face.ask("GET", "/v1/policies") for face in faces))
    [told] = {answer.body.decode() for answer in answers}
    kit.keys._known.clear()
    caller = await kit.keys.caller(told.removeprefix("Bearer "))
    assert caller is not None
    assert caller.name == KEY_NAME


async def test_a_router_that_is_away_is_trouble_that_passes(kit: Kit) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    transport = routes(kit, httpx.MockTransport(away))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=HEADERS) as client:
        await log_in(client, "admin")
        answer = await client.get("/api/routing/policies")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
