"""The form of a Telegram inbox."""

import hashlib
import hmac
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from channels.base import InboxSettings

_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{20,100}")
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_PROXIES = ("http", "https", "socks5", "socks5h")
MEBIBYTE = 1024 * 1024


class TelegramInboxSettings(InboxSettings):
    """One bot.

    `token` is BotFather's. `secret` (32 characters or more, by default the hub's) signs links that join a web visitor to a
    Telegram user, and gives the webhook secret where `webhook_secret` is not set. In mode `webhook` with a `webhook_url` the
    hub registers that address itself. `base_url` is another Bot API server than Telegram's own; `proxy` is the only proxy
    used (the environment's are not). `username` is the bot's, for links.
    """

    token: SecretStr
    """The bot's token, from BotFather."""
    secret: SecretStr
    """Signs links that join a web visitor to a Telegram user: at least 32 characters."""
    mode: Literal["polling", "webhook"] = "polling"
    """Ask Telegram for updates, or be called by it."""
    webhook_secret: SecretStr | None = None
    """What Telegram shows when it calls; derived from `secret` when left out."""
    webhook_url: str | None = None
    """In mode `webhook`: the https address of this inbox. The hub registers it itself."""
    base_url: str = "https://api.telegram.org"
    """The Bot API's address; another one for a server of your own."""
    proxy: SecretStr | None = None
    """The proxy to Telegram, such as socks5://user:password@proxy.example:1080. No other proxy is used."""
    groups: bool = False
    """Take messages from groups too."""
    username: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{3,31}$")] | None = None
    """The bot's name without @, for links to it."""
    link_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30
    """How long such a link is good for."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds that one request may take."""

    @field_validator("token")
    @classmethod
    def _bot_token(cls, value: SecretStr) -> SecretStr:
        if not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("must be a bot token as BotFather gives it: digits, a colon, letters")
        return value

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("must have 16 to 256 characters of A-Z a-z 0-9 _ -")
        return value

    @field_validator("base_url")
    @classmethod
    def _server(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address such as https://api.telegram.org")
        return value.rstrip("/")

    @field_validator("webhook_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if (
            value is not None
            and urlsplit(value).scheme != "https"
            and urlsplit(value).hostname not in ("127.0.0.1", "localhost")
        ):
            raise ValueError("must begin with https://: Telegram calls nothing else")
        return value

    @field_validator("proxy")
    @classmethod
    def _known_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in _PROXIES:
            raise ValueError(f"must begin with one of {', '.join(f'{name}://' for name in _PROXIES)}")
        return value

    @property
    def bot_id(self) -> str:
        """The bot's own Telegram id: the public half of its token."""
        return self.token.get_secret_value().partition(":")[0]

    @property
    def webhook_token(self) -> str:
        """What Telegram repeats in X-Telegram-Bot-Api-Secret-Token."""
        if self.webhook_secret is not None:
            return self.webhook_secret.get_secret_value()
        text = f"payvand telegram webhook v1\n{self.inbox}\n{self.bot_id}".encode()
        return hmac.new(self.secret.get_secret_value().encode(), text, hashlib.sha256).hexdigest()
