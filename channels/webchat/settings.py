"""The form of a web chat inbox."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from channels.base import InboxSettings
from channels.webchat.hours import OpeningHours
from schemas.base import Slug

Asked = Literal["no", "optional", "required"]


class PrechatForm(BaseModel):
    """What a visitor is asked before the first message. All `no`: no form."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Asked = "optional"
    """Whether the visitor's name is asked for."""
    email: Asked = "optional"
    """Whether the visitor's email address is asked for."""
    question: Asked = "no"
    """Whether the question itself is asked for."""


class WebchatInboxSettings(InboxSettings):
    """One chat on one site.

    `secret` (32 characters or more) signs visitor tokens; changing it makes all visitors new. `origins` are the sites that
    may open the chat (`https://shop.example`); empty allows any. `token_days` is how long an absent visitor is known again.
    `identity_secrets` are the keys by which the site signs who is logged in: the first is in use, the others still hold.
    Such an identity lasts for `identity_hours`, or until the logout. Outside `hours`, and with `away_when_empty` while no agent
    is online at the desk, the widget says that nobody is there and asks for an address; `telegram` names the Telegram inbox
    where a visitor may go on.
    """

    secret: SecretStr
    """Signs visitor tokens: at least 32 characters. Changing it makes all visitors new."""
    origins: tuple[str, ...] = ()
    """The sites that may open the chat, such as https://shop.example; empty allows any."""
    token_days: Annotated[int, Field(ge=1, le=400)] = 180
    """How many days an absent visitor is known again."""
    prechat: PrechatForm = PrechatForm()
    """What a visitor is asked before the first message."""
    hours: OpeningHours | None = None
    """When somebody is there; without it, always."""
    away_when_empty: bool = False
    """Say that nobody is there while no agent is online at the desk."""
    identity_secrets: Annotated[tuple[SecretStr, ...], Field(max_length=5)] = ()
    """The keys by which the site signs who is logged in: the first is in use, the others still hold."""
    identity_hours: Annotated[int, Field(ge=1, le=720)] = 12
    """How long such an identity lasts."""
    telegram: Slug | None = None
    """The Telegram inbox where a visitor may go on."""
    theme: Literal["auto", "light", "dark"] = "auto"
    """Light, dark, or as the visitor's browser has it."""

    def is_open(self, at: datetime) -> bool:
        """Whether this is within the hours."""
        return self.hours is None or self.hours.is_open(at)

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("identity_secrets")
    @classmethod
    def _all_long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(cls._long_enough(one) for one in value)

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not origin.startswith(("https://", "http://")) or origin.count("/") != 2:
                raise ValueError("must be origins such as https://shop.example, without a path")
        return value

    def allows(self, origin: str | None) -> bool:
        """Whether a page of this Origin may open the chat. Programs that send no Origin are let in: they are not browsers."""
        return not self.origins or origin is None or origin.rstrip("/").lower() in {known.lower() for known in self.origins}
