"""Who is logged in, as the site itself says it: a JWT (RFC 7519) signed with HMAC-SHA256 by a key that only site and hub have.

`sub` is the site's own id of the person and `exp` the end, both required; `email`, `email_verified` (true unless said
otherwise) and `name` may be there; `aud`, if there, must be the inbox. No other algorithm is taken, whatever the header says.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from channels.addresses import mailbox
from channels.base import Arrival
from channels.text import one_line
from runtime.errors import NotVerified
from schemas.values import Identifier, IdentifierType, Sender, Trust

MAX_IDENTITY = 4_096
"""Characters of a signed identity."""
_SKEW = timedelta(minutes=1)
_HINT = "sign a new one on the site's server"


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore")

    alg: Literal["HS256"]


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sub: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
    exp: Annotated[float, Field(gt=0, lt=1e11, allow_inf_nan=False)]
    nbf: Annotated[float, Field(lt=1e11, allow_inf_nan=False)] = 0
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    email_verified: bool = True
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    aud: str | list[str] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a visitor: by the site's word (`external_id`, and an `email` if `vouched`), or by their own."""

    external_id: str | None = None
    email: str | None = None
    vouched: bool = False
    name: str | None = None


NOBODY = Person()


def verify(keys: Sequence[SecretStr], inbox: str, signed: str, now: datetime) -> Person:
    """Whom the site vouches for. Raises NotVerified when it is malformed, forged, of another inbox, or over."""
    parts = signed.split(".") if len(signed) <= MAX_IDENTITY and signed.isascii() else []
    if not keys or len(parts) != 3:
        raise NotVerified("the identity is malformed, or this chat takes none", field="identity", hint=_HINT)
    text = f"{parts[0]}.{parts[1]}".encode()
    if not any(hmac.compare_digest(_signature(key, text), parts[2].rstrip("=")) for key in keys):
        raise NotVerified("the identity is not signed with a key of this chat", field="identity", hint=_HINT)
    try:
        _Header.model_validate_json(_decoded(parts[0]))
        claims = _Claims.model_validate_json(_decoded(parts[1]))
        ends, begins = datetime.fromtimestamp(claims.exp, UTC), datetime.fromtimestamp(max(0.0, claims.nbf), UTC)
    except (ValidationError, binascii.Error, ValueError, OverflowError, OSError) as error:
        raise NotVerified("the identity has no valid `alg`, `sub` or `exp`", field="identity", hint=_HINT) from error
    if not begins - _SKEW <= now < ends + _SKEW:
        raise NotVerified("the identity is over, or not yet valid", field="identity", hint=_HINT)
    if claims.aud is not None and inbox not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
        raise NotVerified("the identity is for another inbox", field="identity", hint=_HINT)
    email = mailbox(claims.email) if claims.email else None
    return Person(claims.sub, email, email is not None and claims.email_verified, one_line(claims.name or "", 200) or None)


def typed(name: str | None, email: str | None) -> Person:
    """What the visitor said of themself; an address that is none is left out."""
    return Person(email=mailbox(email) if email else None, name=one_line(name or "", 200) or None)


def introduced(arrival: Arrival, person: Person) -> Arrival:
    """The arrival with what is known of its sender; what the site vouches for outranks what the visitor typed."""
    said = arrival.interaction
    vouched = tuple(_vouched(person))
    typed = tuple(one for one in said.sender.identifiers if one.type is not IdentifierType.EMAIL or not person.vouched)
    known = any(one.type is IdentifierType.EMAIL for one in typed)
    if person.email and not person.vouched and not known:
        typed = (*typed, Identifier(type=IdentifierType.EMAIL, value=person.email, trust=Trust.ASSERTED))
    name = (person.name if person.external_id else said.sender.display_name) or person.name or said.sender.display_name
    sender = Sender(identifiers=(*typed, *vouched), display_name=name)
    return replace(arrival, interaction=said.model_copy(update={"sender": sender}))


def _vouched(person: Person) -> Iterable[Identifier]:
    if person.external_id:
        yield Identifier(type=IdentifierType.EXTERNAL, value=person.external_id, trust=Trust.UNIQUE)
    if person.email and person.vouched:
        yield Identifier(type=IdentifierType.EMAIL, value=person.email, trust=Trust.VERIFIED)


def _signature(key: SecretStr, text: bytes) -> str:
    digest = hmac.new(key.get_secret_value().encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4), altchars=b"-_", validate=True)
