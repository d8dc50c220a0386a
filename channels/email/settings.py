"""The form of an email inbox."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.addresses import mailbox
from channels.base import InboxSettings

MEBIBYTE = 1024 * 1024


class RelaySettings(BaseModel):
    """The SMTP server that carries our mail out. DKIM is left to it.

    `starttls`: `required` refuses a server without it, `offered` uses it when there, `never` is for loopback. `tls` is TLS
    from the first byte (port 465) and excludes STARTTLS.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    starttls: Literal["required", "offered", "never"] = "required"
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    connections: Annotated[int, Field(ge=1, le=64)] = 4


class EmailInboxSettings(InboxSettings):
    """One mailbox that customers write to.

    `trusted_authserv` is the authserv-id (RFC 8601) that our own relay writes into `Authentication-Results` after removing
    forged ones; without it no sender is ever more than asserted. `max_size` is in bytes.
    """

    address: str
    aliases: tuple[str, ...] = ()
    from_name: Annotated[str, Field(max_length=100)] = ""
    max_size: Annotated[int, Field(ge=10_000, le=100 * MEBIBYTE)] = 25 * MEBIBYTE
    trusted_authserv: str | None = None
    relay: RelaySettings = RelaySettings()

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
