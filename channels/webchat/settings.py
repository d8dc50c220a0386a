"""The form of a web chat inbox."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from channels.base import InboxSettings


class WebchatInboxSettings(InboxSettings):
    """One chat on one site.

    `secret` (32 characters or more) signs visitor tokens; changing it makes all visitors new. `origins` are the sites that
    may open the chat (`https://shop.example`); empty allows any. `token_days` is how long an absent visitor is known again.
    """

    secret: SecretStr
    origins: tuple[str, ...] = ()
    token_days: Annotated[int, Field(ge=1, le=400)] = 180

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

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
