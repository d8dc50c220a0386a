"""The form of a plain HTTP gateway: how to say things to a provider that has no driver of its own, as templates.

Placeholders in `url`, `headers`, `query`, `form`, `json` and `body`: `{to}`, `{text}`, `{id}` (our delivery id), `{from}`,
`{callback}` (where receipts are taken) and the names of `secrets`. What goes into a URL is percent-encoded.
"""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from schemas.values import DeliveryState

BUILT_IN = ("to", "text", "id", "from", "callback")
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
ErrorClass = Literal["retry", "bad-address", "opted-out", "content", "ours", "unknown"]
"""The classes of docs/notifying.md."""
_SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
FieldPath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A parameter's name, or a path into JSON: `entries.0.id`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Request(_Part):
    """The request that sends one message. At most one of `form`, `json` and `body`."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    """The HTTP method."""
    url: str
    """The address; it may hold placeholders, but not in its host."""
    headers: dict[str, str] = {}
    """Headers, with placeholders."""
    query: dict[str, str] = {}
    """Parameters behind the address, with placeholders."""
    form: dict[str, str] | None = None
    """A body as a web form sends it."""
    json_body: Annotated[dict[str, Any] | list[Any] | None, Field(alias="json")] = None
    """A body as JSON; placeholders may stand in its texts."""
    body: str | None = None
    """A body as plain text."""

    @field_validator("url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or "{" in parts.netloc:
            raise ValueError("must be an absolute http(s) URL whose host is no placeholder")
        return value

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if sum(one is not None for one in (self.form, self.json_body, self.body)) > 1:
            raise ValueError("only one of form, json and body can be sent")
        return self


class Outcome(_Part):
    """How to read the gateway's answer.

    Success is an HTTP status of `statuses` and, when `field` is given, one of `values` there (compared as text); `contains`
    asks for a piece of a plain text answer. `id_field` is where the provider's id stands (else our own id stands for it);
    `error_field` and `errors` name the class of a refusal.
    """

    statuses: tuple[Annotated[int, Field(ge=100, le=599)], ...] = (200, 201, 202)
    """The HTTP statuses of a success."""
    field: FieldPath | None = None
    """Where the answer tells whether it was one."""
    values: tuple[str, ...] = ()
    """What stands there on success."""
    contains: str | None = None
    """A piece of text that a successful answer holds."""
    id_field: FieldPath | None = None
    """Where the provider's own id of the message stands."""
    error_field: FieldPath | None = None
    """Where the answer tells what was wrong."""
    errors: dict[str, ErrorClass] = {}
    """The provider's words for that, and what each means."""


class Signature(_Part):
    """An HMAC over the raw body, or over the raw query, in a header. What is not signed is then not read."""

    over: Literal["body", "query"] = "body"
    """What is signed: the body of a POST, or the query of a GET."""
    header: str
    """The header that holds it."""
    secret: SecretStr
    """The key of the HMAC."""
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    """The hash."""
    encoding: Literal["hex", "base64"] = "hex"
    """How it is written."""
    prefix: str = ""
    """What stands before it in the header, such as `sha256=`."""


class Proof(_Part):
    """How the gateway proves that a request is its own. All that is given must hold; something must be given.

    `token` is a shared secret, in the header or the query parameter named by `token_in` (`header:x-token`, `query:token`).
    """

    token: SecretStr | None = None
    """A secret that both sides know."""
    token_in: Annotated[str, StringConstraints(pattern=r"^(header|query):[A-Za-z0-9_-]{1,64}$")] = "query:token"  # noqa: S105 - where it stands, not what it is
    """Where the token stands: `header:x-token` or `query:token`."""
    username: str | None = None
    """For HTTP basic authentication."""
    password: SecretStr | None = None
    """For HTTP basic authentication."""
    signature: Signature | None = None
    """An HMAC over the body."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """The addresses that the gateway calls from, such as 203.0.113.0/24."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if not (self.token or self.username or self.signature or self.networks):
            raise ValueError("one of token, username, signature or networks is needed: otherwise anybody could send")
        return self


class Incoming(_Part):
    """Where a customer's message stands in a request. Without `id` a digest of the request stands for it."""

    sender: FieldPath
    """Where the customer's number stands."""
    text: FieldPath
    """Where the text stands."""
    id: FieldPath | None = None
    """Where the provider's id of the message stands; without it a digest of the request stands for it."""
    to: FieldPath | None = None
    """Where the number stands that was written to."""


class Receipts(_Part):
    """Where a delivery receipt stands, in requests to the `status` part. `delivery` holds what `{id}` was."""

    status: FieldPath
    """Where the state of the delivery stands."""
    delivery: FieldPath = "delivery"
    """Where our own id stands, as it was sent in `{id}`."""
    states: dict[str, DeliveryState]
    """The provider's words for a state, and what each means."""
    detail: FieldPath | None = None
    """Where the reason of a failure stands."""


class GatewaySettings(_Part):
    """One account at a gateway."""

    driver: Literal["gateway"]
    """The provider."""
    sender: Annotated[str, Field(max_length=40)] = ""
    """The number or name that messages come from: `{from}`."""
    secrets: dict[_SecretName, SecretStr] = {}
    """Values that the request needs and that nobody may see; each by its name in braces."""
    to_form: Literal["e164", "digits", "national"] = "e164"
    """How `{to}` is written: +989121234567, 989121234567 or 09121234567."""
    send: Request
    """The request that sends one message."""
    outcome: Outcome = Outcome()
    """How the gateway's answer is read."""
    proof: Proof | None = None
    """How the gateway proves that a request is its own; needed to take messages or receipts."""
    incoming: Incoming | None = None
    """Where a customer's message stands in the gateway's request; without it none are taken."""
    receipts: Receipts | None = None
    """Where a delivery receipt stands; without it none are taken."""
    answer: Annotated[str, Field(max_length=1_000)] = ""
    """What the gateway's requests are answered with."""
    max_characters: Annotated[int, Field(ge=70, le=10_000)] = 1_600
    """The longest text that the gateway takes."""
    timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Seconds that one request may take."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.incoming or self.receipts) and self.proof is None:
            raise ValueError("proof is needed to take messages or receipts")
        if taken := set(self.secrets) & set(BUILT_IN):
            raise ValueError(f"these names of secrets are taken: {', '.join(sorted(taken))}")
        written = self.send.model_dump_json(exclude={"json_body"}) + str(self.send.json_body or "")
        if unknown := set(PLACEHOLDER.findall(written)) - {*BUILT_IN, *self.secrets}:
            raise ValueError(f"these placeholders have no value: {', '.join(sorted(unknown))}")
        return self
