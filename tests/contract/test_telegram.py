"""The Telegram adapter and the simulated Bot API, over real HTTP."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from PIL import Image
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.base import (
    Ambiguous,
    Arrival,
    BadAddress,
    ContentRefused,
    OptedOut,
    OurFault,
    OutgoingMessage,
    Outlet,
    Parsed,
    RawInput,
    RetryLater,
    SendError,
    Surroundings,
)
from channels.registry import CHANNELS
from channels.telegram.fetching import TelegramFetcher
from channels.telegram.inbound import TelegramInbound
from channels.telegram.outbound import TelegramOutbound
from channels.telegram.pacing import Pacing
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.sources import Polling, Registration
from hub.simulators.app import simulators
from hub.simulators.settings import SimulatorSettings
from hub.simulators.telegram.part import simulated_telegram
from hub.simulators.telegram.server import BotApi
from hub.simulators.telegram.updating import Updating
from hub.simulators.telegram.world import Group, Person, World
from runtime.errors import Misconfigured, NotFound, TooLarge, Transient
from runtime.settings import InboxSettings, Settings
from schemas.replies import ChatMessageSent
from schemas.values import Attachment, ThreadRef
from tests.local_parts import free_port

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - waits for another side
            await asyncio.sleep(0.01)


class Served:
    """An ASGI application on a loopback port."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self.port = free_port()
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="warning", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def __aenter__(self) -> str:
        self._task = asyncio.create_task(self._server._serve())
        await until(lambda: self._server.started)
        return f"http://127.0.0.1:{self.port}"

    async def __aexit__(self, *error: object) -> None:
        self._server.should_exit = True
        await self._task


@dataclass
class Side:
    """The simulated Telegram, and the form of an inbox on it."""

    world: World
    api: BotApi
    form: TelegramInboxSettings
    sara: Person


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    world = World(TOKEN)
    api = BotApi(world)
    sara = world.meet(7, "سارا", "احمدی", "fa")
    sara.started = True
    async with Served(api.routes()) as url:
        form = TelegramInboxSettings(inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32), base_url=url, groups=True)
        delivering = asyncio.create_task(api.updating.deliver())
        yield Side(world, api, form, sara)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        world.updates.append({"update_id": 2**50})
        world.news.set()  # ends a poll that was left behind


@dataclass
class Record:
    """An intake in memory: what a process that dies leaves behind."""

    form: TelegramInboxSettings
    kept: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)
    down: bool = False
    die_before_remembering: bool = False

    async def take(self, raw: RawInput) -> Parsed:
        if self.down:
            raise Transient("no record")
        inbound = TelegramInbound(self.form)
        inbound.verify(raw)
        found = inbound.parse(raw)
        self.parsed.append(found)
        self.arrivals += found.arrivals
        return found

    async def recall(self, name: str) -> str | None:
        return self.kept.get(name)

    async def remember(self, name: str, value: str) -> None:
        if self.die_before_remembering:
            raise Transient("died")
        self.kept[name] = value

    def texts(self) -> list[str]:
        return [arrival.interaction.text for arrival in self.arrivals]


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _publish(event: ChatMessageSent) -> None:
    raise AssertionError


def outbound(side: Side, files: dict[str, bytes] | None = None, **form: Any) -> TelegramOutbound:
    async def read(ref: str) -> bytes:
        return (files or {})[ref]

    return TelegramOutbound(side.form.model_copy(update=form), Outlet(_publish, read))


def message(text: str = "سلام، فردا می‌رسد.", to: int | str = 7, **more: Any) -> OutgoingMessage:
    return OutgoingMessage(uuid4(), uuid4(), str(to), text, **more)


async def send(sender: TelegramOutbound, *messages: OutgoingMessage) -> list[str]:
    try:
        return [(await sender.send(one)).provider_id for one in messages]
    finally:
        await sender.close()


def picture(width: int = 40, height: int = 30) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(out, "JPEG")
    return out.getvalue()


# Sending


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
        assert (await _call(side, "sendMessage", chat_id=7, text="x"))["ok"]
    with pytest.raises(RetryLater) as slowed:
        await send(outbound(side), message())
    assert (slowed.value.retry_after or 0) >= 1


# Polling


async def test_what_waits_is_taken_in_order_and_confirmed_only_after_it_was_kept(side: Side) -> None:
    for number in range(5):
        side.world.says(side.sara, f"n{number}")
    record = Record(side.form, down=True)
    with pytest.raises(Transient):
        await Polling(side.form).run(record)
    assert len(side.world.updates) == 5
    record.down = False
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: not side.world.updates)
    side.world.says(side.sara, "later")
    await until(lambda: len(record.arrivals) == 6)
    await stopped(polling)
    assert record.texts() == [*(f"n{number}" for number in range(5)), "later"]


async def test_a_restart_loses_nothing_and_a_repeat_has_the_same_ids(side: Side) -> None:
    side.world.says(side.sara, "one")
    record = Record(side.form, die_before_remembering=True)
    with pytest.raises(Transient):
        await Polling(side.form).run(record)
    record.die_before_remembering = False
    side.world.says(side.sara, "two")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: record.kept and len(record.arrivals) == 3)
    await stopped(polling)
    side.world.says(side.sara, "three")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: len(record.arrivals) == 4)
    await stopped(polling)
    assert record.texts() == ["one", "one", "two", "three"]
    assert len({arrival.provider_id for arrival in record.arrivals}) == 3


@pytest.mark.parametrize("value", ["99999999999 {old}", "", "x y", "1", "9" * 400])
async def test_an_offset_that_is_too_old_or_unreadable_skips_nothing(side: Side, value: str) -> None:
    old = int((datetime.now(UTC) - timedelta(days=6)).timestamp())
    record = Record(side.form, {"offset.110201543": value.format(old=old)})
    side.world.says(side.sara, "after a week of silence")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: record.arrivals)
    await stopped(polling)


async def test_a_webhook_or_a_lasting_second_poller_is_for_a_person_to_mend(side: Side) -> None:
    await _call(side, "setWebhook", url="https://hub.example/channels/bot")
    with pytest.raises(Misconfigured, match="webhook"):
        await Polling(side.form).run(Record(side.form))
    await _call(side, "deleteWebhook")
    polling = asyncio.create_task(Polling(side.form, conflict_pause=0.01).run(Record(side.form)))
    async with httpx.AsyncClient(base_url=side.form.base_url, timeout=30) as client:
        for _ in range(300):
            if polling.done():
                break
            await client.post(f"/bot{TOKEN}/getUpdates", data={"timeout": "0"})
            await asyncio.sleep(0.02)
    with pytest.raises(Misconfigured, match="another program"):
        await polling


async def test_a_wrong_token_or_a_dead_server_says_so(side: Side) -> None:
    wrong = side.form.model_copy(update={"token": SecretStr(TOKEN[:-3] + "xyz")})
    with pytest.raises(Misconfigured, match="does not know the bot"):
        await Polling(wrong).run(Record(wrong))
    dead = side.form.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(Transient):
        await Polling(dead).run(Record(dead))


async def test_edits_presses_and_blocks_come_by_polling_and_the_button_stops_spinning(side: Side) -> None:
    record = Record(side.form)
    polling = asyncio.create_task(Polling(side.form).run(record))
    number = side.world.says(side.sara, "one")
    side.world.edits(side.sara, number, "two")
    asked = side.world.posts(side.sara.chat(), {"text": "?", "reply_markup": {"inline_keyboard": [[_BUTTON]]}})
    query = side.world.presses(side.sara, asked, "yes")
    side.world.blocks(side.sara)
    await until(lambda: len(record.parsed) == 4)
    await until(lambda: side.world.answered)
    await stopped(polling)
    assert record.texts() == ["one", "بله"]
    assert record.parsed[1].amendments[0].provider_id == record.arrivals[0].provider_id
    assert record.parsed[3].keywords[0].keyword == "stop"
    assert side.world.answered == [query]


_BUTTON = {"text": "بله", "callback_data": "yes"}


# The webhook


async def test_the_webhook_registers_itself_is_called_with_the_secret_and_again_until_it_says_yes(side: Side) -> None:
    record = Record(side.form)
    refusals = [503, 500]

    async def hook(request: Request) -> Response:
        if refusals:
            return Response(status_code=refusals.pop())
        raw = RawInput(await request.body(), datetime.now(UTC), dict(request.headers))
        answer = (await record.take(raw)).answer
        return Response(answer.body, media_type=answer.media_type) if answer else Response(status_code=204)

    async with Served([Route("/channels/bot", hook, methods=["POST"])]) as url:
        form = side.form.model_copy(update={"mode": "webhook", "webhook_url": f"{url}/channels/bot"})
        registering = asyncio.create_task(Registration(form).run(record))
        side.world.says(side.sara, "سلام")
        query = side.world.presses(side.sara, side.world.posts(side.sara.chat(), {"text": "?"}), "yes")
        await until(lambda: len(record.arrivals) == 2)
        await until(lambda: side.world.answered == [query])
        info = (await _call(side, "getWebhookInfo"))["result"]
        assert info["last_error_message"].startswith("Wrong response from the webhook: 50")
        assert (info["url"], info["pending_update_count"]) == (form.webhook_url, 0)
        await stopped(registering)
    assert record.texts() == ["سلام", "yes"]


def test_only_those_who_ask_get_a_source() -> None:
    channel = CHANNELS["telegram"]
    form = TelegramInboxSettings(inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32))
    assert channel.source is not None
    assert isinstance(channel.source(form), Polling)
    assert channel.source(form.model_copy(update={"mode": "webhook"})) is None
    public = {"mode": "webhook", "webhook_url": "https://hub.example/channels/bot"}
    assert isinstance(channel.source(form.model_copy(update=public)), Registration)


# Files


async def test_a_file_is_fetched_by_its_id_within_the_limit(side: Side) -> None:
    content = picture()
    kept = side.world.keeps("photo.jpg", content)
    huge = side.world.keeps("film.mp4", b"\0" * (20 * 1024 * 1024 + 1))
    fetcher = TelegramFetcher(side.form)
    assert await fetcher.fetch(kept["file_id"], 1_000_000) == content
    for locator, limit, error in (
        (kept["file_id"], 10, TooLarge),
        (huge["file_id"], 10**9, TooLarge),
        ("gone", 100, NotFound),
    ):
        with pytest.raises(error):
            await fetcher.fetch(locator, limit)
    await fetcher.close()
    away = TelegramFetcher(side.form.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"}))
    with pytest.raises(Transient):
        await away.fetch(kept["file_id"], 100)
    await away.close()


async def test_a_download_that_says_one_size_and_has_another_is_cut(side: Side) -> None:
    kept = side.world.keeps("a.bin", b"x" * 500_000)
    name, content = side.world.files[kept["file_id"]]

    async def small(request: Request) -> Response:
        return Response(json.dumps({"ok": True, "result": {**kept, "file_size": 5, "file_path": "files/a"}}).encode())

    async def big(request: Request) -> Response:
        return Response(content)

    routes: list[BaseRoute] = [Route("/bot{token}/getFile", small, methods=["POST"]), Route("/file/{path:path}", big)]
    async with Served(routes) as url:
        fetcher = TelegramFetcher(side.form.model_copy(update={"base_url": url}))
        with pytest.raises(TooLarge):
            await fetcher.fetch(kept["file_id"], 1_000)
        await fetcher.close()
    assert name == "a.bin"


# The probe


NOWHERE = Surroundings()


async def findings(side: Side, surroundings: Surroundings = NOWHERE, **form: Any) -> dict[str, tuple[bool, str]]:
    probe = CHANNELS["telegram"].probe
    assert probe is not None
    found = await probe(side.form.model_copy(update=form), surroundings)
    assert not any(TOKEN[10:] in f"{one.detail}{one.hint}" for one in found)
    return {one.check: (one.ok, one.hint) for one in found}


async def test_the_probe_is_content_with_a_bot_that_works(side: Side) -> None:
    found = await findings(side)
    assert set(found) == {"login", "polling", "groups", "clock"}
    assert all(ok for ok, _ in found.values())


async def test_the_probe_tells_what_to_mend(side: Side) -> None:
    assert not (await findings(side, username="other_bot"))["login"][0]
    assert "BotFather" in (await findings(side, token=SecretStr(TOKEN[:-3] + "xyz")))["login"][1]
    assert "proxy" in (await findings(side, base_url=f"http://127.0.0.1:{free_port()}"))["login"][1]
    side.world.reads_groups = False
    assert "/setprivacy" in (await findings(side))["groups"][1]
    assert "webhook_url" in (await findings(side, mode="webhook"))["webhook"][1]
    hook = f"http://127.0.0.1:{free_port()}/channels/bot"
    await _call(side, "setWebhook", url=hook, allowed_updates='["message"]')
    assert not (await findings(side))["polling"][0]
    elsewhere = Surroundings(webhook_url="https://hub.example/channels/bot")
    assert "hub.example" in (await findings(side, elsewhere, mode="webhook"))["webhook"][1]
    side.world.says(side.sara, "x")
    async with asyncio.timeout(30):
        while "last_error_date" not in (await _call(side, "getWebhookInfo"))["result"]:  # noqa: ASYNC110 - another side
            await asyncio.sleep(0.02)
    found = await findings(side, Surroundings(webhook_url=hook), mode="webhook")
    assert [found[name][0] for name in ("webhook", "reached", "updates")] == [True, False, False]
    assert "443" in found["reached"][1]


# The simulator refuses what the real one refuses


async def _call(side: Side, method: str, **fields: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=side.form.base_url) as client:
        response = await client.post(f"/bot{TOKEN}/{method}", data={name: str(value) for name, value in fields.items()})
    found: dict[str, Any] = response.json()
    assert found["ok"] is (response.status_code == 200)
    return found


@pytest.mark.parametrize(
    ("method", "fields", "code", "description"),
    [
        ("sendMessage", {"text": "x"}, 400, "chat_id is empty"),
        ("sendMessage", {"chat_id": 7}, 400, "message text is empty"),
        ("sendMessage", {"chat_id": 7, "text": " \n "}, 400, "message text is empty"),
        ("sendMessage", {"chat_id": 7, "text": "x" * 4_097}, 400, "message is too long"),
        ("sendMessage", {"chat_id": 9, "text": "x"}, 400, "chat not found"),
        ("sendMessage", {"chat_id": 7, "text": "1 < 2", "parse_mode": "HTML"}, 400, "can't parse entities"),
        ("sendMessage", {"chat_id": 7, "text": "x", "reply_parameters": '{"message_id": 1}'}, 400, "replied not found"),
        ("sendPhoto", {"chat_id": 7}, 400, "there is no photo"),
        ("sendPhoto", {"chat_id": 7, "photo": "AgAC1"}, 400, "wrong file identifier"),
        ("getFile", {"file_id": "x"}, 400, "invalid file_id"),
        ("setWebhook", {"url": "http://hub.example/x"}, 400, "HTTPS URL must be provided"),
        ("setWebhook", {"url": "https://hub.example:8080/x"}, 400, "ports 80, 88, 443 or 8443"),
        ("setWebhook", {"url": "https://hub.example/x", "secret_token": "a b"}, 400, "unallowed characters"),
        ("answerCallbackQuery", {}, 400, "query is too old"),
        ("flyToTheMoon", {}, 404, "Not Found"),
    ],
)
async def test_the_simulated_api_refuses(side: Side, method: str, fields: dict[str, Any], code: int, description: str) -> None:
    found = await _call(side, method, **fields)
    assert found["error_code"] == code
    assert description in found["description"]


async def test_the_simulated_api_limits_a_group_to_twenty_a_minute_and_all_to_thirty_a_second(side: Side) -> None:
    side.world.groups[-5] = Group(-5, "x")
    for _ in range(20):
        assert (await _call(side, "sendMessage", chat_id=-5, text="x"))["ok"]
    refused = await _call(side, "sendMessage", chat_id=-5, text="x")
    assert refused["error_code"] == 429
    assert 50 <= refused["parameters"]["retry_after"] <= 60


async def test_a_second_poll_ends_the_first(side: Side) -> None:
    first = asyncio.create_task(_call(side, "getUpdates", timeout=40))
    polled: Callable[[], Awaitable[Any]] = lambda: _call(side, "getUpdates", timeout=0)  # noqa: E731
    updating: Updating = side.api.updating
    await until(lambda: updating._polling is not None)
    assert (await polled())["ok"]
    assert "terminated by other getUpdates" in (await first)["description"]


# The simulated customers


async def test_simulated_customers_start_the_bot_write_and_answer_one_reply_and_a_restart_goes_on(tmp_path: Path) -> None:
    base = {"token": TOKEN, "base_url": "http://127.0.0.1/telegram"}
    hub = Settings(data_dir=tmp_path, inboxes=(InboxSettings(name="bot", channel="telegram", settings=base),))
    pace = SimulatorSettings(
        smtp_port=free_port(), first_after_seconds=0, every_seconds=0.01, answer_seconds=0, conversations=3
    )
    begun: list[str] = []
    for run in range(2):
        telegram = simulated_telegram(hub, pace.answer_seconds)
        assert telegram is not None
        async with Served([telegram.mount()]) as url, simulators(pace, hub, telegram):
            form = TelegramInboxSettings(
                inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32), base_url=f"{url}/telegram"
            )
            record = Record(form)
            polling = asyncio.create_task(Polling(form).run(record))
            await until(lambda: run or len(record.arrivals) == 6)  # noqa: B023 - awaited at once
            begun += [arrival.interaction.sender.identifiers[0].value for arrival in record.arrivals[1::2]]
            sender = TelegramOutbound(form, Outlet(_publish, _no_file))
            for _ in range(2):
                await sender.send(message("We look into it.", to=begun[run]))
            await sender.close()
            await until(lambda: len(record.arrivals) == (1 if run else 7))  # noqa: B023 - awaited at once
            assert record.arrivals[-1].interaction.sender.identifiers[0].value == begun[run]
            await stopped(polling)
    assert len(set(begun)) == 3


async def _no_file(ref: str) -> bytes:
    raise AssertionError


def test_an_inbox_on_the_real_telegram_is_never_simulated() -> None:
    real = InboxSettings(name="bot", channel="telegram", settings={"token": TOKEN})
    assert simulated_telegram(Settings(inboxes=(real,)), 0) is None
