"""One folder of a mailbox over IMAP, blocking: what the source does in a thread. Trouble is Transient or Misconfigured."""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from channels.email.oauth import access_token
from channels.email.settings import ImapSettings
from runtime.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from imapclient import IMAPClient

_PASSING = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\]|too many|temporar|try again", re.IGNORECASE)
"""RFC 5530 codes, and words of servers that lack them, of refusals that are nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Found:
    """One mail as fetched. `size` is what the server says; `body` is only the head of what is over the limit."""

    uid: int
    body: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What SELECT told: UIDs are comparable only within one `validity`, `next` is the UID that the next mail gets at least."""

    validity: int
    next: int


class ImapFolder:
    """A connection with one folder selected. Used by one thread at a time; `cut` may be called from any."""

    def __init__(self, settings: ImapSettings, folder: str) -> None:
        self._settings = settings
        self._folder = folder
        self._client: IMAPClient | None = None

    def open(self) -> Opened:
        """Connect, log in, select."""
        with _translated(self._settings, self._folder):
            self._client = client = connect(self._settings)
            chosen = client.select_folder(self._folder)
            if self._settings.after != "nothing" and b"READ-ONLY" in chosen:
                raise Misconfigured(
                    f"the folder {self._folder!r} may only be read", hint='give the right to write, or after = "nothing"'
                )
            if self._settings.move_to and not client.folder_exists(self._settings.move_to):
                client.create_folder(self._settings.move_to)
            return Opened(int(chosen[b"UIDVALIDITY"]), int(chosen.get(b"UIDNEXT", 1)))

    def after(self, uid: int) -> list[int]:
        """The UIDs of undeleted mails after this one, ascending. `*` always matches the last mail, too."""
        self._news()
        return sorted(found for found in self._search(["UID", f"{uid + 1}:*", "NOT", "DELETED"]) if found > uid)

    def unseen(self) -> list[int]:
        """The UIDs of unread mails, ascending."""
        return sorted(self._search(["UNSEEN", "NOT", "DELETED"]))

    def since(self, day: date) -> list[int]:
        """The UIDs of mails that came on this day or later by the server's clock, ascending."""
        return sorted(self._search(["SINCE", day, "NOT", "DELETED"]))

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Bytes by UID; a mail that is gone meanwhile is missing."""
        with _translated(self._settings, self._folder):
            answered = self._connected().fetch(list(uids), ["RFC822.SIZE"])
            return {uid: int(fields[b"RFC822.SIZE"]) for uid, fields in answered.items() if b"RFC822.SIZE" in fields}

    def fetch(self, uid: int, size: int, limit: int) -> Found | None:
        """The mail, or only its head (cut at 64 kB) when it is over the limit; it stays unseen. None when it is gone."""
        wanted = "BODY.PEEK[]" if size <= limit else "BODY.PEEK[HEADER]<0.65536>"
        with _translated(self._settings, self._folder):
            fields: dict[bytes, Any] = self._connected().fetch([uid], [wanted]).get(uid, {})
        body = next((value for name, value in fields.items() if name.startswith(b"BODY[") and isinstance(value, bytes)), None)
        return None if body is None else Found(uid, body, size)

    def done(self, uids: Sequence[int]) -> None:
        """Mark, move or delete what is committed."""
        if not uids or self._settings.after == "nothing":
            return
        with _translated(self._settings, self._folder):
            client, wanted = self._connected(), list(uids)
            client.add_flags(wanted, [rb"\Seen"], silent=True)
            if self._settings.after == "move" and client.has_capability("MOVE"):
                client.move(wanted, self._settings.move_to)
            elif self._settings.after != "seen":
                if self._settings.after == "move":
                    client.copy(wanted, self._settings.move_to)
                client.add_flags(wanted, [rb"\Deleted"], silent=True)
                if client.has_capability("UIDPLUS"):
                    # Without it EXPUNGE would take what others have marked, too; then the mark has to do.
                    client.uid_expunge(wanted)

    def wait(self) -> None:
        """Return when the folder may have changed: IDLE until the server says so or it is time to renew, else a pause."""
        with _translated(self._settings, self._folder):
            client = self._connected()
            if self._news():
                return
            if not client.has_capability("IDLE"):
                self._readable(self._settings.poll_seconds)
                client.noop()
                return
            client.idle()
            until = time.monotonic() + self._settings.idle_seconds
            while not self._read_already(client) and (left := until - time.monotonic()) > 0:
                heard = client.idle_check(left)
                # Our own marks come back as FETCH: only news of mails is news. Nothing heard: time, or the end of the line.
                if not heard or any(b"EXISTS" in one or b"EXPUNGE" in one for one in heard):
                    break
            client.idle_done()

    def cut(self) -> None:
        """Break the connection, so that a thread that waits on it comes back."""
        if self._client is not None:
            with contextlib.suppress(OSError, AttributeError):
                self._client.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.shutdown()

    def _search(self, criteria: list[Any]) -> list[int]:
        with _translated(self._settings, self._folder):
            return [int(uid) for uid in self._connected().search(criteria)]

    def _news(self) -> bool:
        """Whether a mail was announced since the last call, beside the answer to a command: IDLE will not say it again."""
        # imapclient itself does not pass on what imaplib heard.
        return bool(self._connected()._imap.response("EXISTS")[1] != [None])

    @staticmethod
    def _read_already(client: "IMAPClient") -> bool:
        """Whether an announcement came together with the answer to IDLE: it lies in a buffer, and nothing comes to wake us."""
        held, sock = vars(client._imap), client.socket()
        # `file` up to Python 3.13, `_file` and for what IDLE reads `_readbuf` since.
        buffered = held.get("file") or held.get("_file")
        if buffered is None or held.get("_readbuf"):
            return bool(held.get("_readbuf"))
        sock.setblocking(False)
        try:
            return bool(buffered.peek(1))
        except OSError:
            return False
        finally:
            sock.setblocking(True)
            client._set_read_timeout()

    def _readable(self, seconds: float) -> None:
        import select  # noqa: PLC0415 - only for servers without IDLE

        poller = select.poll()
        poller.register(self._connected().socket().fileno(), select.POLLIN)
        poller.poll(seconds * 1_000)

    def _connected(self) -> "IMAPClient":
        if self._client is None:
            raise Transient("the mailbox is not connected")
        return self._client


def connect(settings: ImapSettings) -> "IMAPClient":
    """A logged-in client. Raises what imapclient raises; `translated` makes our errors of it."""
    from imapclient import IMAPClient, SocketTimeout  # noqa: PLC0415 - only hubs with such an inbox need it

    context = ssl.create_default_context()
    client = IMAPClient(
        settings.host,
        port=settings.port,
        ssl=settings.tls,
        ssl_context=context if settings.tls else None,
        timeout=SocketTimeout(connect=min(settings.timeout, 15), read=settings.timeout),
    )
    try:
        if settings.starttls and not settings.tls:
            client.starttls(context)
        if settings.oauth is not None:
            client.oauth2_login(settings.username, access_token(settings.oauth, settings.timeout))
        elif settings.password is not None:
            client.login(settings.username, settings.password.get_secret_value())
    except BaseException:
        with contextlib.suppress(Exception):
            client.shutdown()
        raise
    return client


@contextlib.contextmanager
def _translated(settings: ImapSettings, folder: str) -> Iterator[None]:
    try:
        yield
    except (Transient, Misconfigured):
        raise
    except Exception as error:
        raise translated(error, settings, folder) from error


def translated(error: Exception, settings: ImapSettings, folder: str) -> Transient | Misconfigured:
    """What went wrong as ours. The server's own words may name people, so that only our own are kept."""
    from imapclient.exceptions import CapabilityError, LoginError  # noqa: PLC0415

    where = f"{settings.host}:{settings.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Misconfigured(f"the certificate of {where} could not be verified", hint="check the host name and the CA")
    if isinstance(error, LoginError) and not _PASSING.search(str(error)):
        if settings.oauth is not None:
            hint = "the token server gave one: check username, scope and the mailbox's consent in [settings.imap.oauth]"
            return Misconfigured(f"{where} refused the access token", hint=hint)
        return Misconfigured(f"{where} refused the login", hint="check username and password (or an app password, or oauth)")
    if isinstance(error, CapabilityError):
        return Misconfigured(f"{where} lacks what is asked for (STARTTLS?)", hint="set tls and starttls as the server has them")
    if str(error).startswith(("select failed", "create failed")) and not _PASSING.search(str(error)):
        return Misconfigured(f"{where} does not open the folder {folder!r}", hint="`payvand channels test` lists the folders")
    return Transient(f"the mailbox at {where} is out of reach ({type(error).__name__})")
