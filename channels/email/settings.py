"""The form of an email inbox."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from channels.addresses import mailbox
from channels.base import InboxSettings

MEBIBYTE = 1024 * 1024


class RelaySettings(BaseModel):
    """The SMTP server that carries our mail out. DKIM is left to it.

    `starttls`: `required` refuses a server without it, `offered` uses it when there, `never` is for loopback. `tls` is TLS
    from the first byte (port 465) and excludes STARTTLS.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """The SMTP server that carries our mail out."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """587 with STARTTLS, 465 with TLS."""
    username: str | None = None
    """For servers that ask for a login."""
    password: SecretStr | None = None
    """For servers that ask for a login."""
    tls: bool = False
    """TLS from the first byte."""
    starttls: Literal["required", "offered", "never"] = "required"
    """Refuse a server without STARTTLS, use it where it is offered, or never."""
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds that one step of the exchange may take."""
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    """The most connections at once."""


class OAuthSettings(BaseModel):
    """For providers without passwords (RFC 6749): `refresh_token` if a person agreed in a browser, else client credentials.

    The access token is asked of `token_url` and used by XOAUTH2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    token_url: Annotated[str, Field(pattern=r"^https?://")]
    """Where access tokens are asked for."""
    client_id: str
    """The application's id at the provider."""
    client_secret: SecretStr | None = None
    """The application's secret."""
    refresh_token: SecretStr | None = None
    """Where a person has agreed in a browser, what came of it."""
    scope: str = ""
    """What is asked for, as the provider names it."""


class ImapSettings(BaseModel):
    """A mailbox that is read over IMAP. Give `password` or `oauth`.

    `tls` is TLS from the first byte (993); with `tls` off, `starttls` is demanded unless it is off too (loopback). `folders`
    are each watched over a connection of their own. `after` is done to a mail once it is committed; what is rejected stays as
    it is. `first` is what is taken of a folder seen for the first time: what is unseen, everything, or only what comes from
    now on. `idle_seconds` is how long one IDLE may last before it is renewed (RFC 2177: below 29 minutes), `poll_seconds` the
    pause where the server lacks IDLE.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str
    """The IMAP server."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 993
    """993 with TLS, 143 with STARTTLS."""
    tls: bool = True
    """TLS from the first byte."""
    starttls: bool = True
    """Without `tls`, demand STARTTLS; off is for loopback only."""
    username: str
    """Whose mailbox it is."""
    password: SecretStr | None = None
    """Its password; or `oauth`."""
    oauth: OAuthSettings | None = None
    """For providers without passwords."""
    folders: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=255)], ...], Field(min_length=1, max_length=10)] = (
        "INBOX",
    )
    """The folders that are watched."""
    after: Literal["seen", "move", "delete", "nothing"] = "seen"
    """What is done to a mail once it is taken."""
    move_to: Annotated[str, Field(max_length=255)] = ""
    """For `move`: the folder it goes to."""
    first: Literal["unseen", "all", "new"] = "unseen"
    """What is taken of a folder that is seen for the first time."""
    idle_seconds: Annotated[float, Field(ge=1, le=1_680)] = 540.0
    """How long one IDLE may last (below 29 minutes)."""
    poll_seconds: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    """The pause between two looks, where the server lacks IDLE."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 30.0
    """Seconds that one step of the exchange may take."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.password is None) == (self.oauth is None):
            raise ValueError("give either password or oauth")
        if (self.after == "move") != bool(self.move_to) or self.move_to in self.folders:
            raise ValueError('after = "move" needs move_to, a folder that is not watched')
        if len(set(self.folders)) != len(self.folders):
            raise ValueError("each folder once")
        return self


class EmailInboxSettings(InboxSettings):
    """One mailbox that customers write to.

    `imap` fetches mail from a mailbox; without it mail comes over the built-in receiver. `plus_addresses` puts a signed tag
    into the Reply-To and the envelope sender of our mails, so that answers and bounces are known again; turn it off where the
    mail server does not deliver `name+tag@`. `secret` signs the tags and the unsubscribe links (by default the hub's own).

    `trusted_authserv` is the authserv-id (RFC 8601) that our own relay writes into `Authentication-Results` after removing
    forged ones; without it no sender is ever more than asserted. `max_size` is in bytes.
    """

    address: str
    """What customers write to."""
    aliases: tuple[str, ...] = ()
    """Other addresses of the same mailbox."""
    from_name: Annotated[str, Field(max_length=100)] = ""
    """The name beside the address in our mails."""
    max_size: Annotated[int, Field(ge=10_000, le=100 * MEBIBYTE)] = 25 * MEBIBYTE
    """The largest mail that is taken, in bytes."""
    trusted_authserv: str | None = None
    """The authserv-id that our own relay writes after removing forged ones; without it no sender is more than asserted."""
    relay: RelaySettings = RelaySettings()
    """The server that carries our mail out."""
    imap: ImapSettings | None = None
    """A mailbox to fetch from; without it mail comes over the built-in receiver."""
    plus_addresses: bool = True
    """Sign answers' addresses with a +tag, so that replies and bounces are known again."""
    unsubscribe: Literal["every", "automatic", "never"] = "every"
    """Which of our mails bring one-click unsubscribing: every one, only those that no person wrote, or none."""
    secret: SecretStr = SecretStr("")
    """Signs those tags and the links to unsubscribe."""

    @field_validator("address", "aliases")
    @classmethod
    def _checked(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if mailbox(address) is None:
                raise ValueError("must be an email address such as support@example.org")
        return value

    @property
    def domain(self) -> str:
        """The domain of our own address: the right side of our Message-IDs."""
        return self.address.rpartition("@")[2].lower()

    def accepts(self, recipient: str) -> bool:
        """Whether mail to `recipient` is for this inbox: its address or an alias, with or without a `+tag`; case is ignored."""
        local, _, domain = recipient.strip().strip("<>").lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"
        return any(own.lower() in (plain, f"{local}@{domain}") for own in (self.address, *self.aliases))
