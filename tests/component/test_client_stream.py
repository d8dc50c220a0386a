"""The client's stream: with the real service over broken connections, and against a hub that answers badly."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from payvand_client import AsyncPayvand, Payvand, Problem, Retries, Unreachable

from runtime.service import Kit
from runtime.settings import Settings
from tests.component.test_stream import Keys, Serve, keys, received, unit_of, until, writing

__all__ = ["keys", "unit_of"]
FAST = Retries(attempts=4, first=0.01, longest=0.02)


class Breaking(httpx.AsyncByteStream):
    """Hands on so many pieces, then breaks."""

    def __init__(self, inner: httpx.AsyncByteStream, pieces: int) -> None:
        self._inner = inner
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._pieces
        async for piece in self._inner:
            for start in range(0, len(piece), 300):
                if not left:
                    raise httpx.ReadError("broken on purpose")
                left -= 1
                yield piece[start : start + 300]

    async def aclose(self) -> None:
        await self._inner.aclose()


class Breaks(httpx.AsyncHTTPTransport):
    """Connections that break in the middle of an event."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.query.decode())
        answer = await super().handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Breaking(answer.stream, 6))


async def test_a_stream_over_breaking_connections_loses_and_repeats_nothing(
    serve: Serve, settings: Settings, keys: Keys, unit_of: Kit
) -> None:
    url, key = await serve("notifier"), await keys("stream:read", "contacts:read")
    transport = Breaks()
    wanted = [f"{number} \u2028 \x85 سلام" for number in range(6)]
    async with (
        writing(settings) as write,
        AsyncPayvand(url, key, transport=transport, retries=FAST) as client,
        aclosing(client.stream(after=0, types=["payvand.interaction.*"])) as listening,
    ):
        first = asyncio.ensure_future(anext(listening))
        await until(unit_of, "SELECT FROM notifier.stream_state WHERE since IS NOT NULL")
        await write(*[received(text) for text in wanted])
        async with asyncio.timeout(60):
            heard = [await first] + [await anext(listening) for _ in range(5)]
    assert [one["data"]["text"] for one in heard] == wanted
    assert len(transport.asked) > 2
    assert len({one["sequence"] for one in heard}) == 6


class Answering(BaseHTTPRequestHandler):
    """Gives the server's answers in turn."""

    server: "BadHub"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if status == 200 else "application/problem+json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


class BadHub(ThreadingHTTPServer):
    """Says what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[str] = []


@pytest.fixture
def bad_hub() -> Iterator[BadHub]:
    with BadHub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def told(*numbers: int) -> bytes:
    return b"".join(b'id: %d\r\ndata: {"sequence":\ndata: "%d"}\n\n' % (number, number) for number in numbers)


def test_the_blocking_client_goes_on_after_the_last_whole_event(bad_hub: BadHub) -> None:
    half = told(3)[:-5]
    bad_hub.answers = [(503, b"{}"), (200, b"retry: 1\n\n" + told(1, 2) + half), (200, b": hi\nid: 7\n\n"), (200, told(8))]
    with (
        Payvand(f"http://127.0.0.1:{bad_hub.server_port}", "pv_key", retries=FAST) as client,
        closing(client.stream(types=["a", "b"])) as listening,
    ):
        assert [next(listening)["sequence"] for _ in range(3)] == ["1", "2", "8"]
    assert [path.partition("?")[2] for path in bad_hub.asked] == [
        "types=a%2Cb", "types=a%2Cb", "after=2&types=a%2Cb", "after=7&types=a%2Cb",
    ]  # fmt: skip


def test_a_cursor_that_is_too_old_is_told(bad_hub: BadHub) -> None:
    bad_hub.answers = [(410, json.dumps({"type": "https://payvand.dev/problems/gone", "detail": "older"}).encode())]
    with Payvand(f"http://127.0.0.1:{bad_hub.server_port}", "pv_key", retries=FAST) as client:
        with pytest.raises(Problem) as gone:
            next(client.stream(after=5))
        assert (gone.value.status, gone.value.slug) == (410, "gone")
        with pytest.raises(ValueError, match="sequence"):
            next(client.stream(after="yesterday"))


def test_a_hub_that_is_away_is_told_after_all_retries() -> None:
    with Payvand("http://127.0.0.1:9", "pv_key", retries=FAST) as client, pytest.raises(Unreachable):
        next(client.stream())
