"""Files of answers by signed links, as providers fetch them: one file each, for a time, nothing else, over real HTTP."""

import base64
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from runtime.errors import NotFound
from runtime.file_links import GOOD_FOR, FileLinks
from runtime.objects import Objects
from runtime.service import Kit
from runtime.settings import Settings
from schemas.values import Attachment

Serve = Callable[[str], Awaitable[str]]
SECRET = "another-secret-that-is-long-enough-too"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 300
NOW = datetime.now(UTC)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def document() -> bytes:
    """What puremagic takes for a .docx."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
    return out.getvalue()


CONTENTS: dict[str, tuple[bytes, str]] = {
    "map.png": (PNG, "image/png"),
    "page.html": (b"<!doctype html><script>alert(1)</script>", "image/png"),
    "فاکتور.pdf": (b"%PDF-1.7 tiny", "application/pdf"),
    "offer.docx": (document(), WORD),
}


def attachment(name: str) -> Attachment:
    place = list(CONTENTS).index(name)
    return Attachment(ref=f"uploads/{place}", name=name, media_type=CONTENTS[name][1], size=len(CONTENTS[name][0]))


def path(settings: Settings, name: str, now: datetime = NOW) -> str:
    links = FileLinks(settings.secret_key.get_secret_value(), "https://hub.example/")
    url = links.link(attachment(name), now)
    assert url.startswith("https://hub.example/files/")
    return urlsplit(url).path


@pytest.fixture
async def provider(serve: Serve, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    objects = Objects(settings)
    for name in CONTENTS:
        await objects.put(attachment(name).ref, CONTENTS[name][0])
    async with httpx.AsyncClient(base_url=await serve("ingest")) as client:
        yield client


async def test_a_link_gives_its_file_with_its_type_and_name_and_runs_nowhere(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    for name, kind, shown in (
        ("map.png", "image/png", 'inline; filename="map.png"'),
        ("فاکتور.pdf", "application/pdf", 'attachment; filename="file.pdf"'),
        ("page.html", "application/octet-stream", 'attachment; filename="page.html"'),
        ("offer.docx", WORD, 'attachment; filename="offer.docx"'),
    ):
        answer, head = await provider.get(path(settings, name)), await provider.head(path(settings, name))
        assert (answer.status_code, answer.content) == (200, CONTENTS[name][0])
        assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (kind, shown)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "no-store" in answer.headers["cache-control"]
        assert (head.status_code, head.content) == (200, b"")
        assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}
    part = await provider.get(path(settings, "map.png"), headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, PNG[:4])


async def test_no_other_link_opens_anything(provider: httpx.AsyncClient, settings: Settings) -> None:
    good = path(settings, "map.png")
    _, _, ticket, name = good.split("/")
    claims, signature = ticket.split(".")
    text = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    moved = base64.urlsafe_b64encode(text.replace("uploads/0", "uploads/2").encode()).rstrip(b"=").decode()
    later = base64.urlsafe_b64encode(text.replace(text[:4], "9999", 1).encode()).rstrip(b"=").decode()
    foreign = urlsplit(FileLinks(SECRET, "https://hub.example").link(attachment("map.png"), NOW)).path
    bad = (
        path(settings, "map.png", NOW - GOOD_FOR - timedelta(seconds=5)),
        foreign,
        f"/files/{moved}.{signature}/{name}",
        f"/files/{later}.{signature}/{name}",
        f"/files/{claims}.{signature[:-1]}B/{name}",
        f"/files/{claims}./{name}",
        f"/files/{claims}/{name}",
        f"/files/{ticket}/other.png",
        f"/files/{ticket}/page.html",
        f"/files/{ticket}/..%2F{name}",
        f"/files/{ticket}",
        f"/files/{ticket}/",
        "/files",
        "/files/",
        "/files/uploads/0",
        "/files/..%2F..%2Fpayvand.toml",
        "/files/%00/%00",
        f"/files/{'A' * 5_000}.{signature}/{name}",
    )
    for one in bad:
        answer = await provider.get(one)
        assert (one, answer.status_code) == (one, 404)
        assert PNG not in answer.content
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await provider.request(method, good)).status_code == 405
    assert (await provider.get(good)).status_code == 200


async def test_a_file_that_is_gone_is_a_404(provider: httpx.AsyncClient, settings: Settings) -> None:
    await Objects(settings).delete(attachment("map.png").ref)
    assert (await provider.get(path(settings, "map.png"))).status_code == 404


async def test_requests_of_one_address_are_limited(serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVAND_INGEST_LINKED_FILES_PER_MINUTE", "5")
    kit = Kit(settings, "test")
    await kit.cache.flushdb()
    await kit.close()
    async with httpx.AsyncClient(base_url=await serve("ingest")) as client:
        answers = [(await client.get("/files/guess.guess/a.png")).status_code for _ in range(12)]
    assert answers.count(404) in range(5, 11)  # a minute may end in between
    assert 429 in answers


def test_without_a_key_or_an_address_no_link_is_made_and_none_opens() -> None:
    assert FileLinks(SECRET, "https://hub.example").usable
    assert not FileLinks("", "https://hub.example").usable
    assert not FileLinks("short", "https://hub.example").usable
    assert not FileLinks(SECRET, "").usable
    _, _, ticket, name = urlsplit(FileLinks("", "https://hub.example").link(attachment("map.png"), NOW)).path.split("/")
    for links in (FileLinks(""), FileLinks("short")):
        with pytest.raises(NotFound):
            links.opened(ticket, name, NOW)
