"""The form of an SMS inbox: what all drivers share, and Twilio's part. The gateway's part is in gateway_settings.py."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from channels.base import InboxSettings
from channels.sms.gateway_settings import GatewaySettings
from schemas.values import Language

WHATSAPP = "whatsapp:"
TWILIO_URL = "https://api.twilio.com"
_SENDER = re.compile(r"(?:whatsapp:)?\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")


def _sid(prefix: str) -> StringConstraints:
    return StringConstraints(pattern=rf"^{prefix}[0-9a-fA-F]{{32}}$")


class WhatsAppTemplate(BaseModel):
    """An approved template of one language, by which an answer goes out when the customer has not written for 24 hours."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sid: Annotated[str, _sid("HX")]
    """From the Content Template Builder: HX and 32 hexadecimal digits."""
    variables: Annotated[dict[str, str], Field(min_length=1, max_length=20)] = {"1": "{text}"}
    """What its variables hold. `{text}` is the answer, and must stand in one of them."""

    @field_validator("variables")
    @classmethod
    def _says_it(cls, value: dict[str, str]) -> dict[str, str]:
        if not any("{text}" in one for one in value.values()):
            raise ValueError("one of the variables must hold {text}: else the answer itself would not be sent")
        return value


class TwilioSettings(BaseModel):
    """A Twilio account and the senders of this inbox.

    `auth_token` signs Twilio's webhooks and logs in; with `api_key` and `api_secret` those log in instead. Without an
    `auth_token` (or `webhook_secret`, where webhooks are signed with a shared key) nothing that comes in can be verified.
    `numbers` are E.164 numbers, short codes, alphanumeric senders or `whatsapp:+…`; a `messaging_service` chooses the sender
    itself. `answers_keywords`: Twilio answers STOP, START and HELP in SMS itself (its default), so we stay silent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    driver: Literal["twilio"] = "twilio"
    """The provider."""
    account_sid: Annotated[str, _sid("AC")]
    """The account, from the Console: AC and 32 hexadecimal digits."""
    auth_token: SecretStr | None = None
    """Signs Twilio's webhooks and logs in. Without it (or `webhook_secret`) nothing that comes in can be verified."""
    api_key: Annotated[str, _sid("SK")] | None = None
    """Logs in instead of the auth token: SK and 32 hexadecimal digits."""
    api_secret: SecretStr | None = None
    """The secret of the API key."""
    webhook_secret: SecretStr | None = None
    """Where webhooks are signed with a key of their own, that key."""
    messaging_service: Annotated[str, _sid("MG")] | None = None
    """Chooses the sender itself: MG and 32 hexadecimal digits."""
    numbers: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Senders: E.164 numbers, short codes, alphanumeric names, or `whatsapp:+15551234567`."""
    base_url: str = TWILIO_URL
    """The API's address; another one for a region or a test."""
    timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Seconds that one request may take."""
    answers_keywords: bool = True
    """Twilio answers STOP, START and HELP itself (its default), so the hub stays silent."""

    templates: dict[Language, WhatsAppTemplate] = {}
    """WhatsApp templates by language (`fa`, `ru`, `en`); for another language the first one is taken."""

    @field_validator("numbers")
    @classmethod
    def _senders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number in value:
            if not _SENDER.fullmatch(number):
                raise ValueError("must be +15551234567, a short code, an alphanumeric sender, or whatsapp:+15551234567")
        return value

    @field_validator("base_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be a URL such as https://api.twilio.com, without a query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            raise ValueError("api_key and api_secret belong together")
        if self.auth_token is None and self.api_key is None:
            raise ValueError("auth_token, or api_key with api_secret, is needed to log in")
        if self.messaging_service is None and not self.numbers:
            raise ValueError("a messaging_service or at least one of numbers is needed to send")
        return self

    @property
    def login(self) -> tuple[str, str]:
        """User and password of HTTP basic authentication."""
        if self.api_key is not None and self.api_secret is not None:
            return self.api_key, self.api_secret.get_secret_value()
        return self.account_sid, self.auth_token.get_secret_value() if self.auth_token else ""

    @property
    def signing_secret(self) -> str | None:
        """What webhooks are signed with."""
        secret = self.webhook_secret or self.auth_token
        return secret.get_secret_value() if secret else None


class SmsInboxSettings(InboxSettings):
    """One line for text messages.

    `region` is the country of numbers written without one. `long_text`: what happens to a text over `max_segments` (or the
    provider's limit of characters): `refuse` tells the agent, `shorten` sends what fits, ending in an ellipsis.
    """

    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "IR"
    """The country of numbers written without one (ISO 3166)."""
    long_text: Literal["refuse", "shorten"] = "refuse"
    """A text that is too long is refused to the agent, or sent as far as it fits."""
    max_segments: Annotated[int, Field(ge=1, le=25)] = 10
    """The most segments that one message may have."""
    provider: Annotated[TwilioSettings | GatewaySettings, Field(discriminator="driver")]
    """Who carries the messages."""

    @property
    def takes_get(self) -> bool:
        """Whether the provider may call by GET, with all it says in the query. Twilio calls by POST."""
        return isinstance(self.provider, GatewaySettings) and self.provider.proof is not None
