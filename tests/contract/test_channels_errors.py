"""The conformance suite, third part: a provider in trouble is told apart from a customer who cannot be written to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from pydantic import SecretStr

from channels.base import Ambiguous, InboxSettings, OurFault, OutgoingMessage, Outlet, RetryLater, SendError
from runtime.errors import Transient
from schemas.replies import ChatMessageSent
from tests.contract.cases import CASES, Case
from tests.local_parts import free_port

outgoing = pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if case.channel.outbound is not None]
)
Provider = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """At once, without a word."""


async def hears_and_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what comes, and says nothing."""
    await asyncio.wait_for(reader.read(1), 0.5)


async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks, but no protocol that we know."""
    writer.write(b"\x00\xff\x16\x03 nonsense \xd8\xb3\r\n\r\n" * 20)
    await writer.drain()


async def never_ends_a_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """More in one line than anybody should hold."""
    writer.write(b"2" * 1_000_000)
    await writer.drain()


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until we have no more patience."""
    await asyncio.sleep(3)


@asynccontextmanager
async def provider(behaves: Provider) -> AsyncIterator[int]:
    """The port of a provider that behaves so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behaves(reader, writer)
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def log_away(event: ChatMessageSent) -> None:
    """For web visitors the log is the provider."""
    raise Transient("the log is out of reach")


async def no_file(ref: str) -> bytes:
    """Nothing is attached."""
    raise AssertionError(ref)


async def refused(case: Case, port: int) -> SendError:
    """How sending to a provider at this port ends."""
    assert case.channel.outbound is not None
    assert case.reaching is not None, "a channel that sends says where its provider is"
    side = case.channel.outbound(case.reaching(port), Outlet(log_away, no_file))
    try:
        with pytest.raises(SendError) as error:
            await side.send(OutgoingMessage(uuid4(), uuid4(), case.to, "سلام 🙂"))
    finally:
        await side.close()
    return error.value


@outgoing
async def test_a_provider_that_is_not_there_is_tried_again(case: Case) -> None:
    error = await refused(case, free_port())
    assert type(error) is RetryLater
    assert error.retryable


@outgoing
@pytest.mark.parametrize("behaves", [hangs_up, hears_and_hangs_up, babbles, never_ends_a_line, is_silent])
async def test_a_provider_in_trouble_is_never_the_customers_fault(case: Case, behaves: Provider) -> None:
    """No address is suppressed, no channel closed and no text refused for it."""
    async with provider(behaves) as port:
        error = await refused(case, port)
    assert type(error) in (RetryLater, Ambiguous, OurFault)
    assert len(error.message) > 10
    assert "سلام" not in error.message, "what is written to a customer is told to nobody else"


@outgoing
@pytest.mark.parametrize("behaves", [hangs_up, babbles])
async def test_no_error_tells_a_secret(case: Case, behaves: Provider) -> None:
    assert case.reaching is not None
    secrets = _secrets(case.reaching(1))
    assert secrets, "a form with nothing to hide proves nothing here"
    async with provider(behaves) as port:
        error = await refused(case, port)
    shown = f"{error.message} {error.hint} {error!r} {error.__cause__!r}"
    assert not [secret for secret in secrets if secret in shown]


def _secrets(settings: InboxSettings) -> list[str]:
    form = settings.model_dump()
    parts = [form, *(value for value in form.values() if isinstance(value, dict))]
    values = [value for part in parts for value in part.values() if isinstance(value, SecretStr)]
    return [value.get_secret_value() for value in values if value]
