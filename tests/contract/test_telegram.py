"""Sending by Telegram: what arrives, and what becomes of what does not."""

import asyncio

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OptedOut,
    OurFault,
    RetryLater,
    SendError,
)
from channels.telegram.pacing import Pacing
from hub.simulators.telegram.world import Group
from schemas.values import Attachment, ThreadRef
from tests.contract.telegram_side import (
    TOKEN,
    Served,
    Side,
    call,
    message,
    outbound,
    picture,
    send,
)
from tests.local_parts import free_port


async def test_an_answer_arrives_and_quotes_what_it_answers(side: Side) -> None:
    asked = side.world.says(side.sara, "کجاست؟")
    [id] = await send(outbound(side), message(thread=ThreadRef(references=(f"7:{asked}",))))
    [sent] = side.world.sent_to(7)
    assert id == f"7:{sent['message_id']}"
    assert sent["text"] == "سلام، فردا می‌رسد."
    assert sent["reply_to_message"]["message_id"] == asked


async def test_what_an_agent_writes_is_never_markup(side: Side) -> None:
    text = "<b>1 < 2</b> & *not* _this_ [x](y) \u2066abc\u2069"
    await send(outbound(side), message(text))
    assert side.world.sent_to(7)[0]["text"] == text


async def test_a_long_answer_arrives_whole_in_several_messages(side: Side) -> None:
    text = "\n\n".join(f"{number}. " + "می‌رسد 🌿 " * 150 for number in range(6)).strip()
    sender = outbound(side)
    sent = await sender.send(message(text))
    await sender.close()
    parts = [one["text"] for one in side.world.sent_to(7)]
    assert len(parts) > 1
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert sent.provider_id == f"7:{side.world.sent_to(7)[0]['message_id']}"
    assert sent.note == f"in {len(parts)} parts"


async def test_files_go_as_what_they_are_and_a_short_text_is_the_first_ones_caption(side: Side) -> None:
    files = {"p": picture(), "d": b"%PDF-1.7", "v": b"OggS" + b"\0" * 60, "thin": picture(1200, 20)}
    told = [("p", "a.jpg", "image/jpeg"), ("d", "Счёт №1.pdf", "application/pdf")]
    more = [("v", "v.ogg", "audio/ogg"), ("thin", "thin.jpg", "image/jpeg")]
    attachments = [
        [Attachment(ref=ref, name=name, media_type=kind, size=1) for ref, name, kind in some] for some in (told, more)
    ]
    other = side.world.meet(8, "B")
    other.started = True
    await send(
        outbound(side, files),
        message("ببینید", attachments=tuple(attachments[0])),
        message("x" * 1_025, to=8, attachments=tuple(attachments[1])),
    )
    photo, document = side.world.sent_to(7)
    assert (photo["caption"], "caption" in document) == ("ببینید", False)
    assert side.world.files[photo["photo"][0]["file_id"]][1] == files["p"]
    assert document["document"]["file_name"] == "Счёт №1.pdf"
    text, voice, thin = side.world.sent_to(8)
    assert (len(text["text"]), "voice" in voice, "document" in thin) == (1_025, True, True)


async def test_in_a_group_the_answer_goes_there_and_follows_it_when_it_moves(side: Side) -> None:
    side.world.groups[-5] = Group(-5, "تیم")
    asked = side.world.says(side.sara, "کجاست؟", side.world.groups[-5])
    thread = ThreadRef(references=(f"-5:{asked}",))
    assert (await send(outbound(side), message(thread=thread)))[0].startswith("-5:")
    side.world.groups[-5].moved_to = -1005
    side.world.groups[-1005] = Group(-1005, "تیم")
    assert (await send(outbound(side), message(thread=thread)))[0].startswith("-1005:")
    side.world.groups[-1005].member = False
    with pytest.raises(SendError) as refused:
        await send(outbound(side), message(thread=thread))
    assert type(refused.value) is SendError


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ({"blocked": True}, OptedOut),
        ({"started": False}, OptedOut),
        ({"gone": True}, BadAddress),
    ],
)
async def test_who_cannot_be_written_to(side: Side, trouble: dict[str, bool], kind: type[SendError]) -> None:
    for name, value in trouble.items():
        setattr(side.sara, name, value)
    with pytest.raises(kind):
        await send(outbound(side), message())


@pytest.mark.parametrize("to", ["999", "sara", "", "7; drop", "9" * 30])
async def test_nobody_is_a_bad_address(side: Side, to: str) -> None:
    with pytest.raises(BadAddress):
        await send(outbound(side), message(to=to))


async def test_a_wrong_token_is_our_fault(side: Side) -> None:
    with pytest.raises(OurFault) as refused:
        await send(outbound(side, token=SecretStr(TOKEN[:-3] + "xyz")), message())
    assert "110201543" not in refused.value.message


async def test_an_unreachable_server_is_tried_again_and_a_lost_answer_is_not(side: Side) -> None:
    with pytest.raises(RetryLater):
        await send(outbound(side, base_url=f"http://127.0.0.1:{free_port()}"), message())

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Ambiguous):
        await send(outbound(side, base_url=f"http://127.0.0.1:{port}"), message())
    server.close()
    await server.wait_closed()


async def test_a_server_that_is_silent_is_ambiguous(side: Side) -> None:
    asked = asyncio.Event()

    async def silent(request: Request) -> Response:
        asked.set()
        await asyncio.sleep(30)
        return Response()

    async with Served([Route("/{path:path}", silent, methods=["POST"])]) as url:
        with pytest.raises(Ambiguous):
            await send(outbound(side, base_url=url, timeout=0.3), message())
    assert asked.is_set()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>Bad Gateway", RetryLater),
        (500, b'{"ok":false,"error_code":500,"description":"Internal Server Error"}', RetryLater),
        (403, b"<html>blocked by the user's firewall", RetryLater),
        (413, b"<html>", ContentRefused),
        (200, b"<html>a portal</html>", Ambiguous),
        (200, b"[]", Ambiguous),
        (429, b'{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":3}}', RetryLater),
    ],
)
async def test_answers_of_the_way_there(side: Side, status: int, body: bytes, kind: type[SendError]) -> None:
    async def answer(request: Request) -> Response:
        return Response(body, status)

    async with Served([Route("/{path:path}", answer, methods=["POST"])]) as url:
        with pytest.raises(kind):
            await send(outbound(side, base_url=url), message())


async def test_once_a_part_was_taken_the_whole_is_never_sent_again(side: Side) -> None:
    empty = Attachment(ref="e", name="e.jpg", media_type="image/jpeg", size=0)
    with pytest.raises(Ambiguous, match="1 of 2 parts"):
        await send(outbound(side, {"e": b""}), message("x" * 1_100, attachments=(empty,)))
    assert len(side.world.sent_to(7)) == 1


async def test_our_own_pace_keeps_telegrams_limits_and_theirs_are_obeyed(side: Side) -> None:
    pacing = Pacing(longest_wait=0.1)
    await pacing.wait(7)
    await pacing.wait(8)
    with pytest.raises(RetryLater) as refused:
        await pacing.wait(7)
    assert 0 < (refused.value.retry_after or 0) <= 1.1
    for _ in range(3):
        assert (await call(side, "sendMessage", chat_id=7, text="x"))["ok"]
    with pytest.raises(RetryLater) as slowed:
        await send(outbound(side), message())
    assert (slowed.value.retry_after or 0) >= 1
