"""The simulated mailbox refuses what a real one refuses; and XOAUTH2 against it, with a token server beside."""

import imaplib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest
from imapclient import IMAPClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.base import Surroundings
from channels.email.imap_source import ImapSource
from channels.email.probe import probe
from channels.email.settings import EmailInboxSettings, ImapSettings
from runtime.errors import Misconfigured, Transient
from tests.contract.loopback import served
from tests.contract.mails import written
from tests.contract.test_imap import Record, watching
from tests.mail_servers import ACCOUNTS, PASSWORD, TOKEN, SimulatedMailbox, simulated_mailbox

REFRESH = "1//a-refresh-token"


@pytest.fixture
def server() -> Iterator[SimulatedMailbox]:
    with simulated_mailbox() as running:
        yield running


@pytest.fixture
def client(server: SimulatedMailbox) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4("127.0.0.1", server.imap) as line:
        line.login(ACCOUNTS[0], PASSWORD)
        yield line


def said(client: imaplib.IMAP4, *command: str) -> str:
    """How the server answers a command as typed: OK, NO or BAD, with its code."""
    tag = client._new_tag().decode()  # type: ignore[attr-defined]
    client.send(f"{tag} {' '.join(command)}\r\n".encode())
    while not (line := client.readline().decode()).startswith(tag):
        assert line
    return line.removeprefix(f"{tag} ").strip()


@pytest.mark.parametrize(
    "command",
    [
        "", "FLY", "SELECT", "SELECT INBOX twice", "SELECT (INBOX)", "FETCH 1 FLAGS", "UID", "LOGIN a b", 'SELECT "INBOX',
        "STATUS INBOX (WEATHER)", "LIST (", "SELECT IN)BOX",
    ],
)  # fmt: skip
def test_what_is_no_command_or_not_in_its_state_is_bad(client: imaplib.IMAP4, command: str) -> None:
    assert said(client, command).startswith("BAD")
    assert said(client, "NOOP").startswith("OK")


@pytest.mark.parametrize(
    "command",
    [
        "SEARCH", "SEARCH FROM", "SEARCH WEATHER", "SEARCH SINCE yesterday", "SEARCH UID x", "SEARCH NOT", "UID FETCH 0 FLAGS",
        "UID FETCH 1 WEATHER", "UID FETCH 1", "UID STORE 1 +FLAGS (\\Nice)", "UID STORE 1 WEATHER (\\Seen)",
        "UID FETCH 1: FLAGS",
    ],
)  # fmt: skip
def test_what_asks_for_nothing_that_exists_is_bad(server: SimulatedMailbox, client: imaplib.IMAP4, command: str) -> None:
    server.deliver(written("hi"))
    client.select()
    assert said(client, command).startswith("BAD")


def test_what_cannot_be_done_is_refused_with_its_code(server: SimulatedMailbox, client: imaplib.IMAP4) -> None:
    server.deliver(written("hi"))
    assert said(client, "SELECT Nowhere").startswith("NO [NONEXISTENT]")
    assert said(client, "CREATE inbox").startswith("NO [ALREADYEXISTS]")
    assert said(client, "DELETE INBOX").startswith("NO")
    client.select(readonly=True)
    assert said(client, r"UID STORE 1 +FLAGS (\Seen)").startswith("NO [READ-ONLY]")
    assert said(client, "UID COPY 1 Nowhere").startswith("NO [TRYCREATE]")


def test_a_command_before_the_login_is_bad_and_three_wrong_logins_end_the_line(server: SimulatedMailbox) -> None:
    line = imaplib.IMAP4("127.0.0.1", server.imap)
    assert said(line, "SELECT INBOX").startswith("BAD")
    for password in ("a", "b", '""'):
        assert said(line, "LOGIN", ACCOUNTS[0], password).startswith("NO [AUTHENTICATIONFAILED]")
    assert line.readline().startswith(b"* BYE")
    line.shutdown()


def test_idle_is_ended_by_done_only(client: imaplib.IMAP4) -> None:
    client.select()
    client.send(b"x1 IDLE\r\n")
    assert client.readline().startswith(b"+")
    client.send(b"x2 NOOP\r\n")
    assert client.readline().startswith(b"x1 BAD")


def test_a_mail_comes_back_byte_for_byte_and_only_a_read_one_is_seen(server: SimulatedMailbox) -> None:
    mail = bytes(written("سلام", Message_ID="<x@y>")) + b'".\\ \x00\xff\r\n'
    server.deliver(mail)
    with IMAPClient("127.0.0.1", server.imap, ssl=False) as client:
        client.login(ACCOUNTS[0], PASSWORD)
        client.select_folder("INBOX")
        found = client.fetch([1], ["BODY.PEEK[]", "RFC822.SIZE", "BODY.PEEK[HEADER]<0.10>", "FLAGS"])[1]
        assert (found[b"BODY[]"], found[b"RFC822.SIZE"], found[b"BODY[HEADER]<0>"]) == (mail, len(mail), mail[:10])
        assert (found[b"FLAGS"], client.search(["UNSEEN"])) == ((), [1])
        client.fetch([1], ["BODY[]"])
        assert (client.search(["UNSEEN"]), client.search(["OR", "SEEN", "DELETED", "LARGER", 10])) == ([], [1])


def test_who_has_a_folder_open_hears_of_others_mails_marks_and_removals(server: SimulatedMailbox) -> None:
    for number in range(3):
        server.deliver(written(f"{number}"))
    with IMAPClient("127.0.0.1", server.imap, ssl=False) as one, IMAPClient("127.0.0.1", server.imap, ssl=False) as two:
        for client in (one, two):
            client.login(ACCOUNTS[0], PASSWORD)
            client.select_folder("INBOX")
        one.add_flags([2], [rb"\Deleted"])
        one.uid_expunge([2])
        one.add_flags([3], [rb"\Flagged"])
        server.deliver(written("new"))
        assert two.noop()[1] == [(2, b"EXPUNGE"), (3, b"EXISTS"), (2, b"FETCH", (b"UID", 3, b"FLAGS", (b"\\Flagged",)))]
        assert two.search(["ALL"]) == [1, 3, 4]


def form(server: SimulatedMailbox, token_url: str) -> EmailInboxSettings:
    oauth = {"token_url": f"{token_url}/token", "client_id": "payvand", "client_secret": "hush", "refresh_token": REFRESH}
    given = {"host": "127.0.0.1", "port": server.imap, "username": ACCOUNTS[0], "tls": False, "starttls": False, "oauth": oauth}
    return EmailInboxSettings(inbox="support", address=ACCOUNTS[0], imap=ImapSettings.model_validate(given))


@asynccontextmanager
async def token_server(token: str, status: int = 200) -> AsyncIterator[str]:
    """Gives `token` for the right refresh token (RFC 6749, 6)."""

    async def give(request: Request) -> Response:
        asked = dict(parse_qsl((await request.body()).decode()))
        right = {"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "payvand", "client_secret": "hush"}
        if asked != right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3599}, status)

    async with served(Starlette(routes=[Route("/token", give, methods=["POST"])])) as url:
        yield url


async def test_mail_is_fetched_with_a_token_and_no_secret_is_logged(
    server: SimulatedMailbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    server.deliver(written("hello", Message_ID="<first@mail.example.org>"))
    async with token_server(TOKEN) as url:
        record = Record(form(server, url))
        async with watching(record):
            await record.until(lambda: record.arrivals == ["first@mail.example.org"])
        findings = {one.check: one for one in await probe(form(server, url), Surroundings())}
    assert findings["imap.login"].ok
    told = caplog.text + "".join(capfd.readouterr())
    assert not any(secret in told for secret in (TOKEN, REFRESH, "hush"))


async def test_a_refused_token_is_named_so_and_a_person_must_mend_it(server: SimulatedMailbox) -> None:
    async with token_server("ya29.expired") as url:
        record = Record(form(server, url))
        with pytest.raises(Misconfigured) as raised:
            await ImapSource(record.form).run(record)
        findings = {one.check: one for one in await probe(record.form, Surroundings())}
    assert "refused the access token" in raised.value.message
    assert "scope" in (raised.value.hint or "")
    assert not findings["imap.login"].ok
    told = f"{raised.value!r} {raised.value.message} {raised.value.hint} {findings}"
    assert not any(secret in told for secret in ("ya29", REFRESH, "hush"))


@pytest.mark.parametrize(("status", "kind"), [(500, Transient), (429, Transient), (403, Misconfigured)])
async def test_a_token_server_in_trouble_passes_and_one_that_refuses_does_not(
    server: SimulatedMailbox, status: int, kind: type[Exception]
) -> None:
    async with token_server(TOKEN, status) as url:
        with pytest.raises(kind):
            await ImapSource(form(server, url)).run(Record(form(server, url)))


async def test_a_revoked_refresh_token_is_misconfigured(server: SimulatedMailbox) -> None:
    async with token_server(TOKEN) as url:
        broken = form(server, url)
        with pytest.raises(Misconfigured, match="gave no token"):
            await ImapSource(broken.model_copy(update={"imap": _other(broken)})).run(Record(broken))


def _other(broken: EmailInboxSettings) -> ImapSettings:
    assert broken.imap is not None
    assert broken.imap.oauth is not None
    return broken.imap.model_copy(update={"oauth": broken.imap.oauth.model_copy(update={"client_id": "somebody else"})})
