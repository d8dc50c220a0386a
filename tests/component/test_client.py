"""The client for integrators: with the real services over HTTP, and against a hub that answers badly."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import httpx
import pytest
from payvand_client import AsyncPayvand, Event, Identifier, Interaction, Payvand, Problem, Retries, Unreachable, calls
from payvand_client.retries import told_to_wait

from runtime.access import SCOPES, ApiKeys
from runtime.database import Database
from runtime.service import Kit
from runtime.settings import Settings
from services.desk.app import seed_demo

Serve = Callable[[str], Awaitable[str]]
SARA = Identifier("email", "sara@example.org")
FAST = Retries(attempts=4, first=0.01, longest=0.02)


def order(text: str, **more: str) -> Interaction:
    return Interaction("shop", "shop", (SARA,), text=text, **more)  # type: ignore[arg-type]


class Front(httpx.AsyncHTTPTransport):
    """In the gateway's place: one address for several services. The first answers to posts may be lost on their way back."""

    def __init__(self, services: dict[str, str], lose: int = 0) -> None:
        super().__init__()
        self.services = services
        self.lose = lose

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        home = httpx.URL(self.services[self._service(request)])
        request.url = request.url.copy_with(scheme=home.scheme, host=home.host, port=home.port)
        answer = await super().handle_async_request(request)
        if request.method == "POST" and self.lose:
            self.lose -= 1
            await answer.aread()
            raise httpx.ReadError("the answer was lost", request=request)
        return answer

    def _service(self, request: httpx.Request) -> str:
        path = request.url.path
        if request.method == "POST" and path in ("/v1/events", "/v1/interactions"):
            return "ingest"
        if path.startswith("/v1/contacts"):
            return "profile"
        return "router" if path in ("/v1/queues", "/v1/agents") or path.endswith("/explain") else "desk"


@pytest.fixture
async def key(settings: Settings) -> str:
    database = Database(settings, "test")
    made = await ApiKeys(database).create("test", SCOPES)
    await database.close()
    return made


@pytest.fixture
async def hub(serve: Serve, settings: Settings, key: str) -> AsyncIterator[tuple[AsyncPayvand, Front]]:
    """A client of four services that have the demo's agents and queues."""
    kit = Kit(settings, "desk")
    await seed_demo(kit)
    await kit.close()
    front = Front({name: await serve(name) for name in ("router", "profile", "desk", "ingest")})
    async with AsyncPayvand("http://hub", key, transport=front, retries=FAST) as client:
        yield client, front


async def test_an_integrator_follows_an_interaction_to_its_answer(hub: tuple[AsyncPayvand, Front]) -> None:
    client, front = hub
    front.lose = 1
    events = [Event("urn:shop", order("Where is my order?"), id="1"), Event("urn:shop", order("Hello?"), id="2")]
    first, second = await client.publish_events(events)
    assert [first, second] == await client.publish_events(events)
    assert await client.publish_events(events[:1]) == [first]

    found = await client.wait_until(first, "waiting", seconds=60)
    assert found["interaction_id"] == str(first)
    conversation = found["conversation_id"]
    contact = await client.lookup_contact("email", " SARA@example.org")
    assert contact is not None
    assert contact["contact_id"] == found["contact_id"]
    assert (await client.contact(UUID(contact["contact_id"])))["identifiers"][0]["value"] == "sara@example.org"
    await client.wait_until(second, "identified", seconds=60)
    listed = [item["interaction_id"] async for item in client.timeline(contact["contact_id"], page_size=1)]
    assert sorted(listed) == sorted((str(first), str(second)))
    with pytest.raises(Problem) as nowhere:
        await client._made(calls.timeline(contact["contact_id"], 1, "2026-01-01T00:00:00~x"))
    assert nowhere.value.field == "cursor"
    assert (await client.explain(conversation))["work_item_id"] == conversation
    assert {queue["queue_id"] for queue in await client.queues()}
    assert "sara" in {agent["agent_id"] for agent in await client.agents()}

    front.lose = 1
    reply = await client.reply(conversation, "It comes today.", idempotency_key="answer-1042")
    assert reply["text"] == "It comes today."
    told = await client.conversation(conversation)
    assert [item["kind"] for item in told["timeline"]].count("reply") == 1
    assert {item["text"] for item in told["timeline"] if item["kind"] == "message"} == {"Where is my order?", "Hello?"}


async def test_the_blocking_client_does_the_same(serve: Serve, key: str) -> None:
    ingest = await serve("ingest")

    def work() -> None:
        with Payvand(ingest, key, retries=FAST) as client:
            event = Event("urn:shop", order("سلام"))
            assert client.publish_events([event]) == client.publish_events([event])
            mine = client.post_interaction(order("Hello"), idempotency_key="order-1042")
            assert mine == client.post_interaction(order("Hello"), idempotency_key="order-1042")
            assert mine != client.post_interaction(order("Hello"))
            with pytest.raises(Problem) as refused:
                client.post_interaction(order("Hello", language="Persian"))
            assert (refused.value.status, refused.value.field, refused.value.slug) == (422, "language", "invalid")
        with Payvand(ingest, "pv_wrong") as stranger, pytest.raises(Problem) as unknown:
            stranger.post_interaction(order("Hello"))
        assert (unknown.value.status, unknown.value.slug) == (401, "not-verified")

    await asyncio.to_thread(work)


class BadHub(ThreadingHTTPServer):
    """Gives its answers in turn: a status with headers and a body, or None, which breaks the connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.asked: list[tuple[str, str | None, bytes]] = []


class Answering(BaseHTTPRequestHandler):
    """See BadHub."""

    server: BadHub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.path, self.headers.get("idempotency-key"), body))
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def bad_hub() -> Iterator[BadHub]:
    with BadHub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


ID = "0198c0de-7000-5000-8000-000000000001"
TAKEN = (202, {"content-type": "application/json"}, json.dumps({"ids": [ID]}).encode())
SLOW_DOWN = (429, {"retry-after": "0"}, b'{"type":"https://payvand.dev/problems/too-many","detail":"over the rate"}')


def client_of(server: BadHub, retries: Retries = FAST) -> Payvand:
    return Payvand(f"http://127.0.0.1:{server.server_port}", "pv_key", retries=retries)


def test_passing_trouble_is_waited_out_under_one_identity(bad_hub: BadHub) -> None:
    bad_hub.answers = [None, SLOW_DOWN, (503, {}, b"<html>"), TAKEN] * 2
    with client_of(bad_hub) as client:
        assert client.post_interaction(order("Hello")) == UUID(ID)
        assert client.publish_events([Event("urn:shop", order("Hello"))]) == [UUID(ID)]
    assert len({asked for asked in bad_hub.asked if asked[0] == "/v1/interactions"}) == 1
    assert len({asked for asked in bad_hub.asked if asked[0] == "/v1/events"}) == 1
    assert bad_hub.asked[0][1]


async def test_the_asyncio_client_waits_it_out_too(bad_hub: BadHub) -> None:
    bad_hub.answers = [None, SLOW_DOWN, (503, {}, b"<html>"), TAKEN]
    async with AsyncPayvand(f"http://127.0.0.1:{bad_hub.server_port}", "pv_key", retries=FAST) as client:
        assert await client.post_interaction(order("Hello")) == UUID(ID)
    assert len(set(bad_hub.asked)) == 1


def test_after_all_retries_the_trouble_is_told(bad_hub: BadHub) -> None:
    bad_hub.answers = [*[SLOW_DOWN] * 4, *[None] * 4]
    with client_of(bad_hub) as client:
        with pytest.raises(Problem) as problem:
            client.queues()
        with pytest.raises(Unreachable):
            client.queues()
    assert (problem.value.slug, problem.value.retry_after) == ("too-many", 0.0)
    assert not bad_hub.answers


def test_a_refusal_is_not_repeated_and_keeps_the_hubs_words(bad_hub: BadHub) -> None:
    told = {"type": "https://payvand.dev/problems/conflict", "detail": "another body", "field": "key", "hint": "take another"}
    bad_hub.answers = [(409, {}, json.dumps(told).encode())]
    with client_of(bad_hub) as client, pytest.raises(Problem, match=r"another body.*take another") as problem:
        client.reply(ID, "Hello")
    assert (problem.value.slug, problem.value.field, problem.value.hint) == ("conflict", "key", "take another")


def test_a_wait_that_is_too_long_is_left_to_the_caller(bad_hub: BadHub) -> None:
    bad_hub.answers = [(429, {"retry-after": "3600"}, b"{}")]
    with client_of(bad_hub) as client, pytest.raises(Problem) as problem:
        client.queues()
    assert problem.value.retry_after == 3600


def test_a_page_that_is_no_hubs_is_a_problem_not_a_crash(bad_hub: BadHub) -> None:
    bad_hub.answers = [(200, {}, b"<html>"), (404, {}, b"<html>")]
    with client_of(bad_hub) as client:
        with pytest.raises(Problem, match="is this the hub's address"):
            client.queues()
        with pytest.raises(Problem, match="answered 404"):
            client.queues()


def test_waiting_ends(bad_hub: BadHub) -> None:
    bad_hub.answers = [(404, {}, b'{"detail":"not here yet"}')] * 50
    with client_of(bad_hub) as client, pytest.raises(TimeoutError, match="not here yet"):
        client.wait_until(ID, "waiting", seconds=0.3)


def test_pauses_grow_and_retry_after_has_two_forms() -> None:
    retries = Retries(attempts=5, first=1, longest=3)
    assert [round(pause or 0) for attempt in range(1, 5) if (pause := retries.pause(attempt)) and pause <= 3]
    assert retries.pause(5) is None
    assert (retries.pause(1, 7) or 0) >= 7
    assert told_to_wait({"retry-after": "12"}) == 12
    assert told_to_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert told_to_wait({"retry-after": "soon"}) is None
    assert told_to_wait({}) is None


@pytest.mark.parametrize("key", ["", "pv_\n", "کلید"])
def test_what_cannot_be_a_key_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="payvand keys create"):
        Payvand("http://hub", key)
