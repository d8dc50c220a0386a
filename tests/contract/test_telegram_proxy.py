"""Telegram through a SOCKS proxy: all of it goes there, names are looked up there, and trouble with it has a class."""

import asyncio
import contextlib
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from channels.base import OurFault, RetryLater, SendError, Surroundings
from channels.registry import CHANNELS
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.sources import Polling
from tests.contract.telegram_side import Record, Side, message, outbound, send, stopped, until
from tests.local_parts import free_port

NAME = "telegram.invalid"
"""No resolver knows it: who asks one goes nowhere."""


@dataclass
class Proxy:
    """A SOCKS5 server (RFC 1928, with the user and password of RFC 1929) that knows one name. `asked` is what it was told."""

    port: int
    there: int
    answer: bytes | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    refused: int = 0

    def url(self, login: str = "user:pass", scheme: str = "socks5h") -> SecretStr:
        """As an operator writes it."""
        return SecretStr(f"{scheme}://{login}@127.0.0.1:{self.port}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        if self.answer is not None:
            writer.write(self.answer)
            await writer.drain()
            return
        assert 2 in await reader.readexactly(methods)
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        user = await reader.readexactly(length)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = (user, password) == (b"user", b"pass")
        self.refused += not right
        writer.write(b"\x01\x00" if right else b"\x01\x01")
        if not right:
            return
        version, command, _, kind = await reader.readexactly(4)
        assert (version, command, kind) == (5, 1, 3), "a name, to be looked up here"
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        self.asked.append((host, int.from_bytes(await reader.readexactly(2), "big")))
        if self.asked[-1] != (NAME, self.there):
            writer.write(b"\x05\x04\x00\x01" + bytes(6))
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.there)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy(side: Side) -> AsyncIterator[Proxy]:
    there = urlsplit(side.form.base_url).port
    assert there is not None
    made = Proxy(free_port(), there)
    server = await asyncio.start_server(made.serve, "127.0.0.1", made.port)
    yield made
    server.close()
    await server.wait_closed()


def behind(side: Side, at: Proxy, **changes: SecretStr) -> TelegramInboxSettings:
    """The inbox's form, with Telegram at a name that only the proxy knows."""
    there = {"base_url": f"http://{NAME}:{at.there}", "proxy": at.url(), **changes}
    return side.form.model_copy(update=there)


@pytest.fixture(autouse=True)
def dropped_connections_are_collected_here() -> Iterator[None]:
    """httpcore 1.0 drops the connection of a failed SOCKS handshake without closing it; the collector does so later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_an_answer_goes_out_through_the_proxy_which_looks_the_name_up(side: Side, proxy: Proxy, scheme: str) -> None:
    form = behind(side, proxy, proxy=proxy.url(scheme=scheme))
    await send(outbound(side, base_url=form.base_url, proxy=form.proxy), message("سلام"))
    assert set(proxy.asked) == {(NAME, proxy.there)}
    assert [one["text"] for one in side.world.sent_to(7)] == ["سلام"]


async def test_updates_come_in_through_the_proxy(side: Side, proxy: Proxy) -> None:
    form = behind(side, proxy)
    record = Record(form)
    polling = asyncio.create_task(Polling(form).run(record))
    side.world.says(side.sara, "سلام، هستید؟")
    await until(lambda: record.texts() == ["سلام، هستید؟"])
    await stopped(polling)
    assert set(proxy.asked) == {(NAME, proxy.there)}


async def test_a_wrong_password_is_our_fault_and_tells_neither_password_nor_token(side: Side, proxy: Proxy) -> None:
    form = behind(side, proxy, proxy=proxy.url("user:wrong"))
    with pytest.raises(OurFault) as refused:
        await send(outbound(side, base_url=form.base_url, proxy=form.proxy), message())
    assert proxy.refused >= 1
    assert "wrong" not in refused.value.message
    probe = CHANNELS["telegram"].probe
    assert probe is not None
    found = await probe(form, Surroundings())
    assert not found[0].ok
    assert "wrong" not in str(found)


async def test_a_proxy_that_is_not_there_is_tried_again_and_never_gone_around(side: Side, proxy: Proxy) -> None:
    nowhere = SecretStr(f"socks5://user:pass@127.0.0.1:{free_port()}")
    with pytest.raises(RetryLater):
        await send(outbound(side, proxy=nowhere), message())
    assert side.world.sent_to(7) == []


# The HTTP library leaves the connection of a handshake that broke to the garbage collector, which warns of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "answer", [b"", b"\x05", b"\x05\xff", b"\x04\x02", b"\x05\x02\x01\x07\x07", b"HTTP/1.1 400 Bad\r\n\r\n"]
)
async def test_whatever_a_proxy_answers_a_send_error_says_that_nothing_went_out(
    side: Side, proxy: Proxy, answer: bytes
) -> None:
    proxy.answer = answer
    form = behind(side, proxy)
    with pytest.raises(SendError) as refused:
        await send(outbound(side, base_url=form.base_url, proxy=form.proxy), message())
    assert refused.value.slug in ("retry", "ours")
    gc.collect()
