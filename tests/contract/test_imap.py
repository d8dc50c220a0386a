"""The IMAP source against the simulated mailbox, and against a real Dovecot where there is one: nothing is lost, nothing is
marked before it is committed."""

import asyncio
import imaplib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from channels.base import Parsed, RawInput, Surroundings
from channels.email.imap_source import Cursor, ImapSource
from channels.email.inbound import EmailInbound
from channels.email.probe import probe
from channels.email.settings import EmailInboxSettings, ImapSettings
from runtime.errors import Misconfigured, Transient
from tests.contract.mails import PERSIAN, written
from tests.mail_servers import ACCOUNTS, PASSWORD, Dovecot, SimulatedMailbox, dovecot, simulated_mailbox

pytestmark = pytest.mark.xdist_group("dovecot")


Server = Dovecot | SimulatedMailbox


@pytest.fixture(scope="module", params=[simulated_mailbox, dovecot], ids=["simulated", "dovecot"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param() as running:
        yield running


@pytest.fixture(autouse=True)
def empty(server: Server) -> None:
    """An empty account for each test."""
    server.clear()


@dataclass
class Record:
    """An intake in memory with the real parser. `trouble` comes before a mail is kept."""

    form: EmailInboxSettings
    kept: dict[str, str] = field(default_factory=dict)
    arrivals: list[str] = field(default_factory=list)
    taken: list[Parsed] = field(default_factory=list)
    raw: list[RawInput] = field(default_factory=list)
    trouble: Exception | None = None
    before_take: Callable[[], None] = lambda: None
    source: "asyncio.Task[None] | None" = None

    async def take(self, raw: RawInput) -> Parsed:
        inbound = EmailInbound(self.form)
        inbound.verify(raw)
        await asyncio.to_thread(self.before_take)
        if self.trouble is not None:
            raise self.trouble
        parsed = inbound.parse(raw)
        self.raw.append(raw)
        self.taken.append(parsed)
        self.arrivals += [arrival.provider_id for arrival in parsed.arrivals]
        return parsed

    async def recall(self, name: str) -> str | None:
        return self.kept.get(name)

    async def remember(self, name: str, value: str) -> None:
        self.kept[name] = value

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for it; the test's own limit ends what never comes."""
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(holds):
                if self.source is not None and self.source.done():
                    self.source.result()
                await asyncio.sleep(0.02)


def form(server: Server, **imap: Any) -> EmailInboxSettings:
    more: dict[str, Any] = {"max_size": imap.pop("max_size")} if "max_size" in imap else {}
    login = {"username": ACCOUNTS[0], "password": PASSWORD, "tls": False, "starttls": False}
    settings = ImapSettings.model_validate({"host": "127.0.0.1", "port": server.imap, **login, **imap})
    return EmailInboxSettings(inbox="support", address=ACCOUNTS[0], imap=settings, **more)


@asynccontextmanager
async def watching(record: Record) -> AsyncIterator[asyncio.Task[None]]:
    """The source at work."""
    task = asyncio.create_task(ImapSource(record.form).run(record))
    record.source = task
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def mail(name: str, text: str = "hello") -> EmailMessage:
    return written(text, Message_ID=f"<{name}@mail.example.org>")


def seen(server: Server, folder: str = "INBOX", what: str = "SEEN") -> int:
    """How many mails in a folder are seen (or whatever `what` asks), as another mail program finds it."""
    with imaplib.IMAP4("127.0.0.1", server.imap) as client:
        client.login(ACCOUNTS[0], PASSWORD)
        if client.select(folder, readonly=True)[0] != "OK":
            return 0
        return len(client.search(None, what)[1][0].split())


async def test_mail_that_waits_and_mail_that_comes_is_taken_and_marked_seen(server: Server) -> None:
    server.deliver(mail("waiting", PERSIAN))
    record = Record(form(server))
    async with watching(record):
        await record.until(lambda: len(record.arrivals) == 1)
        # One after the other, so that many come while IDLE is just beginning.
        for number in range(20):
            server.deliver(mail(f"new-{number}"))
            await record.until(lambda number=number: len(record.arrivals) == number + 2)  # type: ignore[misc]
        await record.until(lambda: seen(server) == 21)
    assert record.arrivals == [f"{name}@mail.example.org" for name in ("waiting", *(f"new-{n}" for n in range(20)))]
    assert record.taken[0].arrivals[0].interaction.text == PERSIAN


async def test_a_mail_that_could_not_be_committed_stays_unseen_and_comes_again(server: Server) -> None:
    server.deliver(mail("first"))
    record = Record(form(server), trouble=Transient("the record is away"))
    with pytest.raises(Transient):
        await ImapSource(record.form).run(record)
    assert (seen(server, what="UNSEEN"), record.kept) == (1, {})
    record.trouble = None
    async with watching(record):
        await record.until(lambda: seen(server) == 1)
    assert record.arrivals == ["first@mail.example.org"]


async def test_nothing_is_marked_before_it_is_committed(server: Server) -> None:
    server.deliver(mail("first"))
    marked: list[int] = []
    record = Record(form(server))
    record.before_take = lambda: marked.append(seen(server))
    async with watching(record):
        await record.until(lambda: seen(server) == 1)
    assert marked == [0]


async def test_after_a_restart_only_what_is_new_is_taken_though_a_person_read_it_meanwhile(server: Server) -> None:
    server.deliver(mail("first"))
    record = Record(form(server))
    async with watching(record):
        await record.until(lambda: bool(record.kept))
    server.deliver(mail("second"))
    server.read()
    async with watching(record):
        await record.until(lambda: len(record.arrivals) == 2)
    assert record.arrivals == ["first@mail.example.org", "second@mail.example.org"]


async def test_several_folders_are_watched_and_a_mail_in_two_of_them_is_one_interaction(server: Server) -> None:
    server.create("Sales")
    record = Record(form(server, folders=("INBOX", "Sales")))
    async with watching(record):
        server.deliver(mail("both"))
        server.deliver(mail("both"), folder="Sales")
        server.deliver(mail("sales"), folder="Sales")
        await record.until(lambda: len(record.arrivals) == 3)
    assert set(record.arrivals) == {"both@mail.example.org", "sales@mail.example.org"}
    assert len(record.kept) == 2


@pytest.mark.parametrize(("after", "left", "moved"), [("move", 0, 1), ("delete", 0, 0), ("nothing", 1, 0)])
async def test_what_is_done_afterwards(server: Server, after: str, left: int, moved: int) -> None:
    server.deliver(mail("first"))
    record = Record(form(server, after=after, move_to="Done" if after == "move" else ""))
    async with watching(record):
        await record.until(lambda: seen(server, what="ALL") == left and bool(record.kept))
        assert seen(server, "Done", "ALL") == moved
        assert seen(server) == 0
        server.deliver(mail("second"))
        await record.until(lambda: len(record.arrivals) == 2)


async def test_numbers_given_anew_lose_nothing(server: Server) -> None:
    server.deliver(mail("first"))
    record = Record(form(server))
    async with watching(record):
        await record.until(lambda: bool(record.kept))
    [(name, value)] = record.kept.items()
    known = Cursor.read(value)
    record.kept[name] = Cursor(known.validity - 1, known.uid + 1_000, known.day).write()
    server.deliver(mail("second"))
    async with watching(record):
        await record.until(lambda: "second@mail.example.org" in record.arrivals)
        server.deliver(mail("third"))
        await record.until(lambda: "third@mail.example.org" in record.arrivals)
    assert Cursor.read(record.kept[name]).validity == known.validity


async def test_old_mail_is_left_alone_where_only_new_mail_is_wanted(server: Server) -> None:
    server.deliver(mail("old"))
    record = Record(form(server, first="new"))
    async with watching(record):
        await record.until(lambda: bool(record.kept))
        server.deliver(mail("new"))
        await record.until(lambda: bool(record.arrivals))
    assert record.arrivals == ["new@mail.example.org"]


async def test_an_oversized_mail_is_a_rejection_with_its_head_and_stays_where_it_is(server: Server) -> None:
    server.deliver(mail("huge", "x" * 70 + "\n" * 20_000))
    server.deliver(mail("small"))
    record = Record(form(server, max_size=10_000))
    async with watching(record):
        await record.until(lambda: seen(server) == 1)
    assert [rejection.code for parsed in record.taken for rejection in parsed.rejections] == ["too-large"]
    assert b"huge@mail.example.org" in record.raw[0].body
    assert len(record.raw[0].body) < 2_000
    assert (record.arrivals, seen(server, what="UNSEEN")) == (["small@mail.example.org"], 1)


async def test_a_lost_connection_passes_and_idle_is_renewed(server: Server) -> None:
    record = Record(form(server, idle_seconds=1))
    async with watching(record) as task:
        await record.until(lambda: bool(record.kept))
        await asyncio.sleep(2.5)
        assert not task.done()
        server.kick()
        with pytest.raises(Transient):
            await asyncio.wait_for(task, 60)


async def test_stopping_does_not_wait_for_idle(server: Server) -> None:
    record = Record(form(server))
    async with watching(record) as task:
        await record.until(lambda: bool(record.kept))
        await asyncio.sleep(0.2)
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)
    server.deliver(mail("later"))
    assert record.arrivals == []


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"folders": ("INBOX", "Nowhere")}, {"starttls": True}], ids=["password", "folder", "tls"]
)
async def test_what_a_person_must_mend_is_misconfigured(server: Server, wrong: dict[str, Any]) -> None:
    record = Record(form(server, **wrong))
    with pytest.raises(Misconfigured) as raised:
        async with asyncio.timeout(60):
            await ImapSource(record.form).run(record)
    assert raised.value.hint
    assert PASSWORD not in raised.value.message


async def test_an_unknown_certificate_is_misconfigured() -> None:
    with dovecot(tls=True) as server, pytest.raises(Misconfigured, match="certificate"):
        await ImapSource(form(server, starttls=True)).run(Record(form(server)))


async def test_a_closed_port_passes(server: Server) -> None:
    closed = form(server, port=1)
    with pytest.raises(Transient):
        await ImapSource(closed).run(Record(closed))


async def test_the_probe_tells_what_works_and_what_does_not(server: Server) -> None:
    found = {one.check: one for one in await probe(form(server, folders=("INBOX", "Nowhere")), Surroundings())}
    assert found["imap.login"].ok
    assert "with IDLE" in found["imap.login"].detail
    assert (found["imap.folder.INBOX"].ok, found["imap.folder.Nowhere"].ok) == (True, False)
    assert "INBOX" in found["imap.folder.Nowhere"].hint.upper()
    assert not found["relay"].ok
    refused = {one.check: one for one in await probe(form(server, password="wrong"), Surroundings())}
    assert not refused["imap.login"].ok
    assert refused["imap.login"].hint
    assert "wrong" not in repr(refused)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": None},
        {"after": "move"},
        {"after": "move", "move_to": "INBOX"},
        {"folders": ()},
        {"folders": ("INBOX", "INBOX")},
        {"idle_seconds": 29 * 60},
        {"oauth": {"token_url": "https://login.example/token", "client_id": "x"}},
    ],
)
def test_settings_that_contradict_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings.model_validate({"host": "x", "username": "u", "password": SecretStr("p"), **wrong})
