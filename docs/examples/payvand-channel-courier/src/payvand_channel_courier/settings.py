"""The form of a Courier inbox."""

from typing import Annotated

from pydantic import Field, SecretStr

from channels.base import InboxSettings


class CourierInboxSettings(InboxSettings):
    """One account at Courier."""

    token: SecretStr
    """The account's token, from Courier's console."""
    webhook_secret: Annotated[SecretStr, Field(min_length=16)]
    """What Courier signs its webhooks with: at least 16 characters."""
    base_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+$")] = "https://api.courier.example"
    """The API's address, without a path."""
    timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
    """Seconds that one request may take."""
