"""A channel for tests, small enough to know by heart: JSON in, a secret header, a source, and files kept in memory."""

import asyncio
import hmac
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from channels.base import (
    Amendment,
    Answer,
    Arrival,
    Channel,
    FileFound,
    FileWanted,
    InboxSettings,
    Intake,
    KeywordFound,
    Parsed,
    RawInput,
    Rejection,
)
from channels.registry import CHANNELS
from runtime.errors import NotVerified
from runtime.settings import Settings
from schemas.interactions import InteractionReceived
from schemas.replies import ReceiptReceived
from schemas.values import Attachment, DeliveryState, Identifier, IdentifierType, Sender

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = {"x-key": "open-sesame"}


def raw(said: dict[str, Any]) -> RawInput:
    """As it comes from the provider."""
    return RawInput(json.dumps(said).encode(), AT, KEY)


class PostboxSettings(InboxSettings):
    """The provider proves itself with `key`."""

    key: SecretStr = SecretStr("open-sesame")
    max_webhook_bytes: int = 64 * 1024


class PostboxInbound:
    """The body is a JSON object of what it shall give."""

    version = 1
    seen: list[RawInput] = []

    def __init__(self, settings: PostboxSettings) -> None:
        self._settings = settings

    def verify(self, raw: RawInput) -> None:
        if not hmac.compare_digest(raw.headers.get("x-key", ""), self._settings.key.get_secret_value()):
            raise NotVerified("the key does not fit", field="x-key")

    def parse(self, raw: RawInput) -> Parsed:
        self.seen.append(raw)
        try:
            said: dict[str, Any] = json.loads(raw.body)
        except ValueError:
            return Parsed(rejections=(Rejection("unreadable", "send JSON"),))
        if said.get("version", 1) > self.version:
            return Parsed(rejections=(Rejection("version", f"at most {self.version}"),))
        return parsed(self._settings.inbox, said)


def parsed(inbox: str, said: dict[str, Any]) -> Parsed:
    sender = Identifier(type=IdentifierType.PHONE, value=said.get("from", "+15550001111"))
    found = Parsed(answer=Answer(said["answer"].encode(), "text/xml") if "answer" in said else None)
    if "message" in said:
        found = Parsed((_arrival(inbox, sender, said),), answer=found.answer)
    amendments = tuple(Amendment(one["id"], one["change"], AT, one.get("text", "")) for one in said.get("amend", ()))
    keywords = tuple(KeywordFound(one["id"], one["word"], sender, AT, "en") for one in said.get("keywords", ()))
    receipts = tuple(ReceiptReceived(delivery_id=one, state=DeliveryState.DELIVERED, at=AT) for one in said.get("receipts", ()))
    return Parsed(found.arrivals, receipts, (), amendments, keywords, found.answer)


def _arrival(inbox: str, sender: Identifier, said: dict[str, Any]) -> Arrival:
    files = tuple(
        FileFound(Attachment(ref=f"{inbox}/{name}", name=name, media_type="text/html", size=len(text)), text.encode("latin-1"))
        for name, text in said.get("files", {}).items()
    )
    wanted = tuple(
        FileWanted(Attachment(ref=f"{inbox}/{name}", name=name, media_type="application/octet-stream", size=0), name)
        for name in said.get("wanted", ())
    )
    interaction = InteractionReceived(
        inbox=inbox,
        channel="postbox",
        sender=Sender(identifiers=(sender,)),
        occurred_at=AT,
        text=said["message"],
        attachments=tuple(one.attachment for one in (*files, *wanted)),
    )
    return Arrival(said["id"], interaction, files, wanted)


class PostboxSource:
    """Hands over what `waiting` holds, one after the other; `trouble` is raised once each."""

    waiting: list[dict[str, Any]] = []
    trouble: list[Exception] = []
    runs = 0
    running = 0

    async def run(self, intake: Intake) -> None:
        cls = type(self)
        cls.runs += 1
        cls.running += 1
        try:
            while True:
                if cls.trouble:
                    raise cls.trouble.pop(0)
                while cls.waiting:
                    await intake.take(raw(cls.waiting[0]))
                    taken = int(await intake.recall("taken") or 0)
                    await intake.remember("taken", str(taken + 1))
                    cls.waiting.pop(0)
                await asyncio.sleep(0.02)
        finally:
            cls.running -= 1


class PostboxFetcher:
    """Gives what `files` holds; an exception there is raised, once if it stands in a list before the bytes."""

    files: dict[str, list[bytes | Exception]] = {}
    fetched: list[str] = []
    closed = 0

    async def fetch(self, locator: str, limit: int) -> bytes:
        self.fetched.append(locator)
        outcomes = self.files[locator]
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        type(self).closed += 1


POSTBOX = Channel(
    "postbox",
    PostboxSettings,
    PostboxInbound,
    None,
    IdentifierType.PHONE,
    lambda _: PostboxSource(),
    lambda _: PostboxFetcher(),
)


def install(monkeypatch: pytest.MonkeyPatch, source: bool = False) -> None:
    """Make the channel known for one test, with nothing left of the test before."""
    channel = (
        POSTBOX
        if source
        else Channel("postbox", PostboxSettings, PostboxInbound, None, IdentifierType.PHONE, None, POSTBOX.fetcher)
    )
    monkeypatch.setattr("channels.inboxes.CHANNELS", {**CHANNELS, "postbox": channel})
    fresh: Iterable[tuple[type, str, Any]] = (
        (PostboxInbound, "version", 1),
        (PostboxInbound, "seen", []),
        (PostboxSource, "waiting", []),
        (PostboxSource, "trouble", []),
        (PostboxSource, "runs", 0),
        (PostboxFetcher, "files", {}),
        (PostboxFetcher, "fetched", []),
        (PostboxFetcher, "closed", 0),
    )
    for cls, name, value in fresh:
        monkeypatch.setattr(cls, name, value)


def with_postbox(settings: Settings, **more: Any) -> Settings:
    """The settings with an inbox `line` of the channel."""
    inbox = {"name": "line", "channel": "postbox", "settings": {}}
    raw = settings.model_copy(update=more)
    return raw.model_copy(update={"inboxes": (*raw.inboxes, *Settings(inboxes=(inbox,)).inboxes)})


async def eventually(holds: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true value of `holds` (which may be async); fails when there is none in time."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
