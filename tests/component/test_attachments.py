"""Files at the desk and over the web chat: who may have them, how they are served, and what is made of hostile ones."""

import io
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image
from pydantic_core import from_json
from websockets.asyncio.client import connect

from runtime import http
from runtime.errors import Refused
from runtime.objects import Objects, media_type
from runtime.service import Kit
from runtime.serving import file_name
from runtime.settings import Settings
from schemas.interactions import InteractionIdentified
from schemas.values import Attachment
from services.desk import handlers
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from services.desk.adapters.seeding.organisation import PASSWORD
from services.desk.adapters.seeding.seed import seed_demo
from services.desk.app import build
from tests.component.test_chat import SHOP, hear, hear_of, rows
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, Story, event

Serve = Callable[[str], Awaitable[str]]
OPUS = b"OggS\x00\x02" + b"\0" * 22 + b"OpusHead" + bytes(range(200))


def picture(width: int = 800, height: int = 600, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, kind)
    return out.getvalue()


def bomb(side: int = 40_000) -> bytes:
    """A PNG of a few hundred bytes that says it has 1.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1_000)) + chunk(b"IEND", b"")


FILES: dict[str, bytes] = {
    "photo.png": picture(),
    "voice.ogg": OPUS,
    "page.html": b"<!doctype html><html><script>alert(1)</script></html>",
    "image.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "not-really.png": b"<html><script>alert(1)</script></html>",
    "bomb.png": bomb(),
    "رسید خرید.pdf": b"%PDF-1.7 tiny",
}
NAMES = list(FILES)


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("desk")
    await seed_demo(kit)
    return kit


@pytest.fixture
async def client(kit: Kit) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(http.build(kit, build(kit)), client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers={"X-Payvand": "1"}) as client:
        await client.post("/api/session", json={"login": "sara", "password": PASSWORD})
        yield client


async def nothing() -> None:
    """Nobody is woken."""


async def item_with(kit: Kit, *attachments: Attachment) -> UUID:
    """The id of an interaction with these attachments, as the desk knows it."""
    said: InteractionIdentified = Story().identified("see attached").data
    interaction = said.interaction.model_copy(update={"attachments": attachments})
    async with kit.transaction() as unit:
        project = partial(handlers.project, PostgresProjection(), PostgresFeed(nothing))
        await project(unit, [event(said.model_copy(update={"interaction": interaction}))])
    return said.interaction_id


async def stored(kit: Kit) -> UUID:
    """An interaction with all of FILES, each declared to be a harmless picture."""
    objects = Objects(kit.settings)
    for place, content in enumerate(FILES.values()):
        await objects.put(f"support/x/{place}", content)
    return await item_with(
        kit,
        *(
            Attachment(ref=f"support/x/{place}", name=name, media_type="image/png", size=len(content))
            for place, (name, content) in enumerate(FILES.items())
        ),
    )


# ── serving ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


SERVED = {
    "photo.png": ("image/png", "inline"),
    "voice.ogg": ("audio/ogg", "inline"),
    "page.html": ("application/octet-stream", "attachment"),
    "image.svg": ("application/octet-stream", "attachment"),
    "not-really.png": ("application/octet-stream", "attachment"),
    "رسید خرید.pdf": ("application/pdf", "attachment"),
}


async def test_a_file_is_served_as_what_its_bytes_are_and_so_that_nothing_of_it_runs(
    client: httpx.AsyncClient, kit: Kit
) -> None:
    item = await stored(kit)
    for name, (served_as, how) in SERVED.items():
        answer = await client.get(f"/api/attachments/{item}/{NAMES.index(name)}")
        assert (answer.status_code, answer.content) == (200, FILES[name])
        assert answer.headers["content-type"] == served_as, name
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith(f"{how}; filename*=UTF-8''"), name
        assert disposition.isascii()
    picture_saved = await client.get(f"/api/attachments/{item}/0?save=true")
    assert picture_saved.headers["content-disposition"].startswith("attachment;")


async def test_only_who_is_logged_in_gets_files(client: httpx.AsyncClient, kit: Kit) -> None:
    url = f"/api/attachments/{await stored(kit)}/0"
    client.cookies.clear()
    for path in (url, f"{url}/thumbnail"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert (await client.post("/api/attachments?name=x", content=b"x")).status_code == 401


RANGES = [
    ("bytes=0-3", 206, slice(0, 4)),
    ("bytes=4-", 206, slice(4, None)),
    ("bytes=-5", 206, slice(-5, None)),
    ("bytes=9999-", 416, slice(0, 0)),
    ("bytes=0-1,5-6", 200, slice(None)),
    ("lines=1-2", 200, slice(None)),
]


async def test_sound_can_be_asked_for_in_parts(client: httpx.AsyncClient, kit: Kit) -> None:
    item = await stored(kit)
    for wanted, status, part in RANGES:
        answer = await client.get(f"/api/attachments/{item}/1", headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (status, OPUS[part]), wanted
        if status == 206:
            start, stop, _ = part.indices(len(OPUS))
            assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(OPUS)}"


async def test_a_thumbnail_is_small_made_once_and_only_of_what_is_a_picture(client: httpx.AsyncClient, kit: Kit) -> None:
    item = await stored(kit)
    answer = await client.get(f"/api/attachments/{item}/0/thumbnail")
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as small:
        assert small.size == (320, 240)
    await Objects(kit.settings).delete("support/x/0")
    assert (await client.get(f"/api/attachments/{item}/0/thumbnail")).content == answer.content
    for name in ("voice.ogg", "image.svg", "not-really.png", "bomb.png"):
        refused = await client.get(f"/api/attachments/{item}/{NAMES.index(name)}/thumbnail")
        assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json"), name


async def test_a_file_that_is_still_to_be_fetched_says_so_and_one_that_never_came_too(
    client: httpx.AsyncClient, kit: Kit
) -> None:
    waiting = Attachment(ref="line/photo", name="p.jpg", media_type="image/jpeg", size=0, pending=True)
    url = f"/api/attachments/{await item_with(kit, waiting)}/0"
    for path in (url, f"{url}/thumbnail"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (425, "application/problem+json")
        assert answer.headers["retry-after"]
    await Objects(kit.settings).put("line/photo", FILES["photo.png"])
    assert (await client.get(url)).content == FILES["photo.png"]
    await Objects(kit.settings).delete("line/photo")
    async with kit.transaction() as unit:
        await unit.run(
            "INSERT INTO desk.files SELECT item_id, 'line/photo', 'gone', '', 0, now() FROM desk.items WHERE kind = 'message'"
        )
    assert (await client.get(url)).status_code == 410


async def test_a_ref_cannot_leave_the_store(client: httpx.AsyncClient, kit: Kit) -> None:
    outside = kit.settings.data_dir / "secret"
    outside.write_text("secret")
    bad = ["../secret", "../../payvand.toml", "/etc/passwd", "a/../../secret", ".hidden", "a//b", "a\x00b", "a\\b"]
    item = await item_with(kit, *(Attachment(ref=ref, name="x", media_type="text/plain", size=1) for ref in bad))
    for place, ref in enumerate(bad):
        assert (await client.get(f"/api/attachments/{item}/{place}")).status_code == 404, ref
        with pytest.raises(Refused):
            await Objects(kit.settings).put(ref, b"x")
    assert (await client.get(f"/api/attachments/{item}/{len(bad)}")).status_code == 404
    assert outside.read_text() == "secret"


# ── replies ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def replied(kit: Kit) -> list[dict[str, Any]]:
    async with kit.reading() as unit:
        parcels = await unit.rows("SELECT topics, payloads FROM desk.outbox ORDER BY id")
    pairs = [pair for parcel in parcels for pair in zip(parcel.topics, parcel.payloads, strict=True)]
    return [from_json(payload) for topic, payload in pairs if topic == "replies.requested"]


async def test_an_uploaded_file_goes_with_a_reply_and_is_shown_in_the_timeline(client: httpx.AsyncClient, kit: Kit) -> None:
    await item_with(kit)
    given = await client.post(
        "/api/attachments", params={"name": "../../раз\u202egnp.exe"}, headers={"Content-Type": "text/html"}, content=picture()
    )
    assert given.status_code == 201
    upload = given.json()
    assert (upload["name"], upload["media_type"], upload["size"]) == ("разgnp.exe", "image/png", len(picture()))
    body = {"text": "here you are", "attachments": [upload["upload_id"]]}
    path, key = f"/api/conversations/{CONVERSATION}/replies", {"Idempotency-Key": "reply-with-file"}
    answers = [await client.post(path, json=body, headers=key) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {202}
    [file] = answers[0].json()["attachments"]
    assert answers[1].json()["attachments"] == [file]
    assert (await client.get(file["url"])).content == picture()
    assert (await client.get(file["thumbnail_url"])).status_code == 200
    [request] = await replied(kit)
    assert (request["attachments"][0]["name"], request["attachments"][0]["media_type"]) == ("разgnp.exe", "image/png")
    timeline = (await client.get(f"/api/conversations/{CONVERSATION}")).json()["timeline"]
    assert [line["attachments"] for line in timeline if line["kind"] == "reply"] == [[file]]
    other = await client.post(path, json={"text": "here you are"}, headers=key)
    assert other.status_code == 409


async def test_nobody_attaches_what_is_not_their_own_upload(client: httpx.AsyncClient, kit: Kit) -> None:
    await item_with(kit)
    upload = (await client.post("/api/attachments?name=a.txt", content=b"sara's")).json()["upload_id"]
    await client.post("/api/session", json={"login": "reza", "password": PASSWORD})
    assert (await client.get("/api/session")).json()["agent_id"] == "reza"
    for id in (upload, str(uuid4())):
        answer = await client.post(
            f"/api/conversations/{CONVERSATION}/replies",
            json={"text": "x", "attachments": [id]},
            headers={"Idempotency-Key": f"key-{id}"},
        )
        assert (answer.status_code, answer.json()["field"]) == (422, "attachments.0")
    assert await replied(kit) == []


async def test_a_file_over_the_limit_or_without_bytes_is_refused(client: httpx.AsyncClient, kit: Kit) -> None:
    over = b"x" * (kit.settings.max_attachment_bytes + 1)
    assert (await client.post("/api/attachments?name=big", content=over)).status_code == 413
    assert (await client.post("/api/attachments?name=empty", content=b"")).status_code == 422
    below = b"x" * (kit.settings.max_body_bytes + 1)
    assert (await client.post("/api/attachments?name=fits", content=below)).status_code == 201


async def test_an_upload_that_no_reply_took_is_forgotten_after_a_day_with_its_bytes(
    client: httpx.AsyncClient, kit: Kit
) -> None:
    upload = (await client.post("/api/attachments?name=a.txt", content=b"unused")).json()["upload_id"]
    async with kit.transaction() as unit:
        await unit.run("UPDATE desk.uploads SET uploaded_at = now() - interval '25 hours'")
    from services.desk.adapters.postgres.conversations import PostgresConversations  # noqa: PLC0415

    async with kit.transaction() as unit:
        assert await PostgresConversations().forget_uploads(unit) == [f"uploads/{upload}"]


# ── the web chat ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_visitor_sends_a_file_and_only_they_get_it_back(serve: Serve, settings: Settings) -> None:
    url = await serve("ingest")
    chat, id = url.replace("http", "ws") + "/chat/web", str(uuid4())
    async with (
        connect(chat, origin=SHOP) as mine,
        connect(chat, origin=SHOP) as theirs,
        httpx.AsyncClient(base_url=url, headers={"Origin": SHOP}) as client,
    ):
        token, other = (await hear(mine))["token"], (await hear(theirs))["token"]
        asked = await client.options("/chat/web/files", headers={"Access-Control-Request-Method": "POST"})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, SHOP)
        bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/pdf"}
        params = {"id": id, "name": "عکس.png"}
        answers = [await client.post("/chat/web/files", params=params, headers=bearer, content=picture()) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        sent = answers[0].json()
        assert answers[1].json() == sent
        shown = await hear_of(mine, "message")
        assert shown["attachments"] == [sent["file"]]
        assert (sent["file"]["media_type"], sent["file"]["name"]) == ("image/png", "عکس.png")
        got = await client.get(sent["file"]["url"], params={"token": token})
        assert (got.content, got.headers["cross-origin-resource-policy"]) == (picture(), "cross-origin")
        assert (await client.get(sent["file"]["url"], params={"token": other})).status_code == 404
        assert (await client.get(sent["file"]["url"])).status_code == 401
        again = await client.post("/chat/web/files", params=params, headers=bearer, content=b"another file")
        assert again.status_code == 409
        evil = await client.post(
            "/chat/web/files", params=params, headers={**bearer, "Origin": "https://evil.example"}, content=b"x"
        )
        assert evil.status_code == 403
    [row] = await rows(settings, "SELECT payload FROM ingest.interactions")
    [attachment] = row.payload["attachments"]
    assert (attachment["media_type"], attachment["size"], row.payload["text"]) == ("image/png", len(picture()), "عکس.png")


# ── bytes and names ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (picture(9, 9, "JPEG"), "text/plain", "image/jpeg"),
        (picture(9, 9, "WEBP"), "", "image/webp"),
        ("سلام".encode() * 2_000, "text/html", "text/plain"),
        (b"a,b\n1,2\n", "text/csv", "text/csv"),
        (b"PK\x03\x04aaaa", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        (b"PK\x03\x04aaaa", "image/png", "application/zip"),
        (b"", "image/png", "application/octet-stream"),
        (b"\x01\x02\x03\x00", "image/png", "application/octet-stream"),
        (OPUS, "video/ogg", "audio/ogg"),
    ],
)
def test_the_bytes_tell_the_type(content: bytes, declared: str, expected: str) -> None:
    assert media_type(content, declared) == (declared if expected == "docx" else expected)


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\evil\\a.txt", "a.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("...", "file"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 180 + ".pdf"),
    ],
)
def test_a_name_keeps_nothing_that_deceives(given: str, safe: str) -> None:
    assert file_name(given) == safe
