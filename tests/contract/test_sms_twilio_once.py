"""Once only, by Twilio: what is asked twice, and answers that get lost or make no sense."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.base import Ambiguous, Outlet, SendError
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_outbound import TwilioOutbound
from tests.contract import twilio_requests as twilio
from tests.contract.loopback import served
from tests.contract.twilio_line import MOBILE, OURS, message, opened, publish, read_file


async def test_an_answer_that_gets_lost_is_found_again() -> None:
    """The request was taken and its answer never came: the list of messages tells."""
    async with opened(timeout=0.5) as line:
        said = message("+14155599408")
        sent = await line.outbound.send(said)
        assert [made.sid for made in line.world.messages] == [sent.provider_id]


async def test_an_answer_that_gets_lost_and_a_list_that_tells_nothing_is_unknown() -> None:
    hanging = asyncio.Event()

    async def hang(request: Request) -> Response:
        await hanging.wait()
        return Response()

    async with served(Starlette(routes=[Route("/{rest:path}", hang, methods=["GET", "POST"])])) as url:
        provider = TwilioSettings(
            account_sid=twilio.ACCOUNT, auth_token=SecretStr("t"), numbers=(OURS,), base_url=url, timeout=0.3
        )
        line_out = outbound(SmsInboxSettings(inbox="line", provider=provider), Outlet(publish, read_file))
        with pytest.raises(Ambiguous):
            await line_out.send(message())
        await line_out.close()
        hanging.set()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>", b"\xff" * 100, b'{"sid": null}', b"{}"])
async def test_an_answer_that_makes_no_sense_is_a_send_error_and_nothing_else(body: bytes) -> None:
    status = [0]

    async def odd(request: Request) -> Response:
        return Response(body, status[0])

    async with served(Starlette(routes=[Route("/{rest:path}", odd, methods=["GET", "POST"])])) as url:
        provider = TwilioSettings(account_sid=twilio.ACCOUNT, auth_token=SecretStr("t"), numbers=(OURS,), base_url=url)
        line_out = TwilioOutbound(SmsInboxSettings(inbox="line", provider=provider), provider, Outlet(publish, read_file))
        line_out.look_again_seconds = 0
        for status[0] in (200, 201, 302, 400, 418, 500, 503):
            with pytest.raises(SendError):
                await line_out.send(message())
        await line_out.close()


async def test_a_later_attempt_looks_first_and_does_not_send_twice() -> None:
    async with opened() as line:
        said = message()
        first = await line.outbound.send(said)
        other_process = line.with_provider()
        again = await other_process.send(replace(said, attempt=2))
        assert again.provider_id == first.provider_id
        assert "had arrived" in again.note
        assert len(line.world.messages) == 1
        await other_process.send(replace(said, attempt=2, text="another text", delivery_id=uuid4()))
        assert len(line.world.messages) == 2
        await other_process.close()


async def test_an_older_message_of_the_same_words_is_not_taken_for_this_one() -> None:
    async with opened() as line:
        await line.outbound.send(message())
        line.world.messages[0].created = datetime(2026, 1, 1, tzinfo=UTC)
        await line.outbound.send(message(attempt=2))
        assert len(line.world.messages) == 2


async def test_the_list_is_read_over_its_pages() -> None:
    async with opened() as line:
        said = message(text="wanted")
        first = await line.outbound.send(said)
        for number in range(5):
            await line.outbound.send(message(text=f"later {number}"))
        api = line.outbound._api()
        listed = await api.messages.list_async(to=MOBILE, page_size=2, limit=50)
        assert [one.body for one in listed] == [*(f"later {number}" for number in range(4, -1, -1)), "wanted"]
        assert listed[-1].sid == first.provider_id
        assert await api.messages.list_async(to=MOBILE, date_sent_after=datetime(2099, 1, 1, tzinfo=UTC)) == []
        assert (await api.messages(first.provider_id).fetch_async()).body == "wanted"
