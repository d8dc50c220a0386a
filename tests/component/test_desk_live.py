"""The live socket on real Postgres and Valkey: nothing missed after a reconnect, nobody hears what is another's."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from runtime import http
from runtime.service import Kit, Service
from runtime.settings import Settings
from schemas.envelope import Event
from services.desk.adapters.postgres import feed as feeding
from services.desk.adapters.postgres.people import PostgresSessions
from services.desk.app import build
from tests.conftest import PausedRelay
from tests.unit.desk.events import CONVERSATION, Story, uuid


@pytest.fixture
async def kit(record_settings: Settings, redis_url: str) -> AsyncIterator[Kit]:
    settings = record_settings.model_copy(update={"redis_url": Settings(redis_url=redis_url).redis_url})
    kit = Kit(settings, "desk")
    kit.connect(PausedRelay(), "test-epoch")
    async with kit.transaction() as unit:
        for login in ("sara", "reza"):
            await unit.run(
                "INSERT INTO desk.users (agent_id, name, role, password_hash) VALUES (:login, :login, 'agent', '')",
                login=login,
            )
            await PostgresSessions().open(unit, login, f"token-of-{login}", feeding.KEPT)
    yield kit
    await kit.close()


class Running:
    """The desk on a loopback port."""

    def __init__(self, kit: Kit, service: Service, server: uvicorn.Server) -> None:
        self.kit = kit
        self.service = service
        self.port = server.servers[0].sockets[0].getsockname()[1]

    async def project(self, *events: Event[Any]) -> None:
        async with self.kit.transaction() as unit:
            await self.service.stages[0].handle(unit, events)

    def socket(self, login: str = "sara", after: int | None = None, origin: str | None = None) -> Any:
        query = "" if after is None else f"?after={after}"
        headers = {"Cookie": f"payvand_session=token-of-{login}"} | ({"Origin": origin} if origin else {})
        return connect(f"ws://127.0.0.1:{self.port}/api/live{query}", additional_headers=headers, proxy=None)

    async def post(self, path: str, body: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as client:
            headers = {"X-Payvand": "1", "Cookie": "payvand_session=token-of-sara"}
            return await client.post(path, json=body, headers=headers)


@contextlib.asynccontextmanager
async def serving(kit: Kit) -> AsyncIterator[Running]:
    """A process of the desk: server and tasks."""
    service = build(kit)
    config = uvicorn.Config(http.build(kit, service), port=0, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    runs: list[Any] = [server.serve, *service.tasks]
    tasks = [asyncio.create_task(run()) for run in runs]
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield Running(kit, service, server)
    finally:
        server.should_exit = True
        await tasks[0]
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def desk(kit: Kit) -> AsyncIterator[Running]:
    async with serving(kit) as running:
        yield running


async def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind."""
    async with asyncio.timeout(60):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["kind"] == kind:
                return frame


async def hear_all(socket: ClientConnection, until: int) -> list[dict[str, Any]]:
    """All frames up to a cursor."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not frames or frames[-1]["cursor"] < until:
            frames.append(json.loads(await socket.recv()))
    return frames


async def head(kit: Kit) -> int:
    async with kit.reading() as unit:
        (row,) = await unit.rows("SELECT cursor FROM desk.live_head")
    return int(row.cursor)


async def test_a_change_is_heard_at_once(desk: Running) -> None:
    async with desk.socket() as socket:
        hello = await hear(socket, "hello")
        assert hello["data"] == {"cursor": hello["cursor"]}
        await desk.project(Story().identified("Hello there"))
        row = (await hear(socket, "conversation"))["data"]
        assert (row["conversation_id"], row["preview"], row["unread"]) == (str(CONVERSATION), "Hello there", 1)
        item = (await hear(socket, "item"))["data"]
        assert (item["conversation_id"], item["item"]["text"]) == (str(CONVERSATION), "Hello there")


async def test_offers_refusals_and_their_ends_are_heard_by_their_agent_only(desk: Running) -> None:
    story = Story()
    async with desk.socket("sara") as sara, desk.socket("reza") as reza:
        await hear(sara, "hello")
        await hear(reza, "hello")
        await desk.project(story.identified(), story.offered("sara"))
        await desk.project(story.refused("sara"), story.ended_offer("expired"))
        last = await head(desk.kit)
        mine = [frame["kind"] for frame in await hear_all(sara, last)]
        assert {"offer", "refused", "offer.ended", "conversation"} <= set(mine)
        await desk.project(story.agent("sara", 0))
        others = [frame["kind"] for frame in await hear_all(reza, await head(desk.kit))]
        assert not {"offer", "refused", "offer.ended"} & set(others)
        assert "conversation" in others


async def test_an_offer_known_before_its_conversation_is_told_when_the_conversation_is(desk: Running) -> None:
    story = Story()
    offered, identified = story.offered("sara"), story.identified("First words")
    async with desk.socket() as socket:
        await hear(socket, "hello")
        await desk.project(offered)
        await desk.project(identified)
        offer = (await hear(socket, "offer"))["data"]
        assert (offer["preview"], offer["contact_name"], offer["why"]["rule"]) == ("First words", "Мария", "default")


async def test_after_any_reconnects_every_frame_was_heard_once_and_in_order(desk: Running) -> None:
    chance = random.Random(7)
    async with desk.socket() as socket:
        start = (await hear(socket, "hello"))["cursor"]
    stories = [Story(conversation=uuid(f"c{n}"), start=n) for n in range(30)]

    async def writing() -> None:
        for story in stories:
            await asyncio.gather(desk.project(story.identified(), story.queued()), desk.project(story.agent("sara", 1)))
            await asyncio.sleep(chance.random() * 0.02)

    writer = asyncio.create_task(writing())
    heard: list[int] = []
    cursor = start
    while not writer.done() or cursor < await head(desk.kit):
        async with desk.socket(after=cursor) as socket:
            assert json.loads(await socket.recv()) == {"cursor": cursor, "kind": "hello", "data": {"cursor": cursor}}
            for _ in range(chance.randint(1, 12)):
                try:
                    async with asyncio.timeout(0.5):
                        frame = json.loads(await socket.recv())
                except TimeoutError:
                    break
                assert frame["kind"] != "reset"
                cursor = frame["cursor"]
                heard.append(cursor)
    await writer
    assert heard == list(range(start + 1, await head(desk.kit) + 1))


async def test_who_was_away_too_long_is_told_to_look_anew(desk: Running) -> None:
    async with desk.socket() as socket:
        cursor = (await hear(socket, "hello"))["cursor"]
    async with desk.kit.transaction() as unit:
        await unit.run("UPDATE desk.listeners SET seen_at = now() - interval '1 hour'")
    await desk.project(Story().identified())
    async with desk.kit.reading() as unit:
        assert await unit.rows("SELECT cursor FROM desk.live_events") == []
    async with desk.socket(after=cursor) as socket:
        reset = await hear(socket, "reset")
        assert reset["cursor"] == await head(desk.kit) > cursor
        await desk.project(Story().identified("again"))
        await hear(socket, "conversation")


async def test_too_much_at_once_becomes_one_reset(desk: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "FRAMES_A_SECOND", 10)
    async with desk.socket() as socket:
        await hear(socket, "hello")
        await desk.project(*(Story(conversation=uuid(f"c{n}"), start=n).identified() for n in range(30)))
        frame = json.loads(await socket.recv())
        assert (frame["kind"], frame["cursor"]) == ("reset", await head(desk.kit))
    async with desk.kit.reading() as unit:
        assert await unit.rows("SELECT cursor FROM desk.live_events") == []


async def test_another_process_hears_what_this_one_told(desk: Running) -> None:
    other = Kit(desk.kit.settings, "desk")
    other.connect(PausedRelay(), "test-epoch")
    async with serving(other) as second, second.socket() as socket:
        await hear(socket, "hello")
        await desk.project(Story().identified())
        await hear(socket, "conversation")
    await other.close()


async def test_an_open_desk_keeps_the_lease_with_one_epoch(desk: Running) -> None:
    async with desk.kit.transaction() as unit:
        await unit.run("UPDATE desk.users SET wanted = 'online', epoch = 7, renewed_at = now() - interval '20 seconds'")
        await unit.run("UPDATE desk.sessions SET present = true WHERE agent_id = 'sara'")
    async with desk.socket() as socket:
        await hear(socket, "hello")
        await socket.send('{"kind": "ping"}')
        await socket.send('{"kind": "ping"}')
        parcels: Any = []
        async with asyncio.timeout(60):
            while not parcels:
                async with desk.kit.reading() as unit:
                    parcels = await unit.rows("SELECT payloads FROM desk.outbox")
                await asyncio.sleep(0.2)
    renewals = [json.loads(payload) for parcel in parcels for payload in parcel.payloads]
    assert [(said["agent_id"], said["state"], said["epoch"]) for said in renewals] == [("sara", "online", 7)]


async def test_typing_is_told_to_others(desk: Running) -> None:
    async with desk.socket("sara") as sara, desk.socket("reza") as reza:
        await hear(sara, "hello")
        await hear(reza, "hello")
        for _ in range(50):
            await sara.send(json.dumps({"kind": "typing", "conversation_id": str(CONVERSATION)}))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    heard = await hear(reza, "typing")
                    break
        assert heard["data"] == {"conversation_id": str(CONVERSATION), "agent_id": "sara", "name": "sara"}


async def test_looking_at_ones_own_conversation_reads_it(desk: Running) -> None:
    story = Story()
    await desk.project(story.identified(), story.assigned("sara"))
    async with desk.socket() as socket:
        await hear(socket, "hello")
        await socket.send(json.dumps({"kind": "viewing", "conversation_id": str(CONVERSATION)}))
        async with desk.kit.transaction() as unit:
            await unit.run("UPDATE desk.conversations SET read_at = NULL")
        await socket.send('{"kind": "ping"}')
        assert (await hear(socket, "conversation"))["data"]["unread"] == 0


async def test_a_note_is_heard_by_colleagues(desk: Running) -> None:
    await desk.project(Story().identified())
    async with desk.socket("reza") as reza:
        await hear(reza, "hello")
        answer = await desk.post(f"/api/conversations/{CONVERSATION}/notes", {"text": "Call her back"})
        assert answer.status_code == 201
        assert (await hear(reza, "item"))["data"]["item"]["text"] == "Call her back"


async def test_no_session_and_no_foreign_site_gets_in(desk: Running) -> None:
    async with desk.socket("nobody") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket, "hello")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus):
        async with desk.socket(origin="https://evil.example"):
            pass
    async with desk.socket(origin=f"http://127.0.0.1:{desk.port}") as socket:
        await hear(socket, "hello")


async def test_a_session_that_ends_closes_its_sockets(desk: Running) -> None:
    async with desk.socket() as socket:
        await hear(socket, "hello")
        async with desk.kit.transaction() as unit:
            await PostgresSessions().close(unit, "token-of-sara")
        await socket.send('{"kind": "ping"}')
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket, "never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize(
    "said", ["", "[]", "null", "{", '{"kind": 7}', '{"kind": "typing", "conversation_id": "x"}', '{"kind":"viewing"}']
)
async def test_nonsense_from_the_client_is_passed_over(desk: Running, said: str) -> None:
    async with desk.socket() as socket:
        await hear(socket, "hello")
        await socket.send(said)
        await desk.project(Story().identified())
        await hear(socket, "conversation")


async def test_a_flood_from_the_client_closes_the_socket(desk: Running) -> None:
    async with desk.socket() as socket:
        await hear(socket, "hello")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2_000):
                await socket.send('{"kind": "nothing"}')
        with pytest.raises(ConnectionClosed):
            await hear(socket, "never")


def cursors(frames: Sequence[dict[str, Any]]) -> list[int]:
    return [frame["cursor"] for frame in frames]


async def test_pruning_raises_the_floor(desk: Running) -> None:
    async with desk.socket() as socket:
        cursor = (await hear(socket, "hello"))["cursor"]
        await desk.project(Story().identified())
        told = await hear_all(socket, await head(desk.kit))
        assert cursors(told) == list(range(cursor + 1, await head(desk.kit) + 1))
    async with desk.kit.transaction() as unit:
        await unit.run("UPDATE desk.live_events SET at = now() - interval '1 hour'")
        await feeding.PostgresFeed(partial(asyncio.sleep, 0)).prune(unit)
    async with desk.socket(after=cursor) as socket:
        await hear(socket, "reset")
    async with desk.socket(after=await head(desk.kit)) as socket:
        await hear(socket, "hello")
        await desk.project(Story(conversation=uuid("c2"), start=3).identified())
        await hear(socket, "conversation")
