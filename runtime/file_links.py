"""Signed links to single files, for providers that fetch what we send by its URL.

A link opens one file, under one name and type, until it ends; it tells nothing of any other file. Who has it can fetch the
file, so it is given to the provider alone and never logged. Signed with HMAC-SHA256 under the secret key: links end when that
key is changed.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from runtime.errors import NotFound
from runtime.objects import is_ref
from runtime.secrets import MIN_KEY
from schemas.values import Attachment

PATH = "/files"
GOOD_FOR = timedelta(hours=12)
"""A message may wait for some hours in a provider's queue before its files are fetched."""
_TICKET = re.compile(r"([A-Za-z0-9_-]{8,600})\.([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}(?:\.[A-Za-z0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """What a link opens: the object's ref, the name it goes by, and the type it was stored with."""

    ref: str
    name: str
    media_type: str


class FileLinks:
    """Makes and opens links of one deployment. Without a secret key of 32 characters none is made and none opens."""

    def __init__(self, secret: str, public_url: str = "") -> None:
        self._secret = secret.encode() if len(secret) >= MIN_KEY else b""
        self._root = public_url.rstrip("/")

    @property
    def usable(self) -> bool:
        """Whether links can be made."""
        return bool(self._secret and self._root)

    def link(self, file: Attachment, now: datetime) -> str:
        """The URL: letters, digits and `-_./` behind the public one. Its name has at most 26 of them, what carriers take."""
        name = _short(file.name)
        claims = f"{int((now + GOOD_FOR).timestamp())}\n{file.media_type}\n{file.ref}"
        return f"{self._root}{PATH}/{_coded(claims.encode())}.{self._signature(claims, name)}/{name}"

    def opened(self, ticket: str, name: str, now: datetime) -> LinkedFile:
        """What the link is for. Raises NotFound, the same for forged, foreign and ended ones."""
        found = _TICKET.fullmatch(ticket)
        if not self._secret or found is None or _NAME.fullmatch(name) is None:
            raise _nothing()
        try:
            claims = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode()
        except (binascii.Error, ValueError):
            raise _nothing() from None
        if not hmac.compare_digest(self._signature(claims, name), found[2]):
            raise _nothing()
        until, media_type, ref = claims.split("\n", 2)
        if now > datetime.fromtimestamp(int(until), UTC) or not is_ref(ref):
            raise _nothing()
        return LinkedFile(ref, name, media_type)

    def _signature(self, claims: str, name: str) -> str:
        return _coded(hmac.new(self._secret, f"payvand file v1\n{name}\n{claims}".encode(), hashlib.sha256).digest())


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _short(name: str) -> str:
    """A name that any carrier takes, and that tells a stranger no more than the file's kind when it is in another script."""
    path = PurePosixPath(name)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-")[:20] or "file"
    ending = re.sub(r"[^A-Za-z0-9]+", "", path.suffix)[:5].lower()
    return f"{stem}.{ending}" if ending else stem


def _nothing() -> NotFound:
    return NotFound("there is no such file")
