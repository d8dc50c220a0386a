"""Settings of the notifier: environment `PAYVAND_NOTIFIER_…`, or the table `[notifier]` of payvand.toml."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from runtime.settings import CONFIG_FILE

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class NotifierSettings(BaseSettings):
    """How sends are paced. `send_seconds` bounds one call to a provider and must stay below `lease_seconds`."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_NOTIFIER_", extra="ignore")

    sends_at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """Per inbox."""
    send_seconds: Seconds = 30
    lease_seconds: Seconds = 60
    stop_seconds: Seconds = 8
    """How long a stop waits for sends under way; what takes longer ends as `unknown`."""
    look_seconds: Seconds = 5
    """The longest pause between two looks at the queue; it is woken at once by what happens in this process."""
    retry_seconds: tuple[Seconds, ...] = (5, 30, 120, 600)
    worth_hours: Annotated[float, Field(gt=0, le=720)] = 24
    """A message older than this is no longer sent."""
    contact_seconds: Seconds = 60
    """How long a reply waits for the record of its contact."""
    chat_seen_seconds: Seconds = 60
    """A chat message not seen by then also takes the next channel, if there is one."""

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        """The retry schedule."""
        return tuple(timedelta(seconds=one) for one in self.retry_seconds)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Constructor, then environment, then payvand.toml."""
        try:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, CONFIG_FILE, ("notifier",))
        except KeyError:  # payvand.toml has no such table
            return init_settings, env_settings
