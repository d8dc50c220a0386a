"""Settings of the notifier: environment `PAYVAND_NOTIFIER_…`, or the table `[notifier]` of payvand.toml; and of the stream and
the webhooks: `PAYVAND_STREAM…` and `PAYVAND_WEBHOOK…`, or the top of that file.
"""

from datetime import timedelta
from typing import Annotated, Literal

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


class StreamSettings(BaseSettings):
    """The public stream and the webhooks that it feeds."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_", extra="ignore")

    stream: Literal["auto", "on", "off"] = "auto"
    """`auto`: the events are kept while a key with `stream:read` or an enabled webhook exists."""
    stream_days: Annotated[float, Field(gt=0, le=90)] = 7
    stream_events: Annotated[int, Field(ge=1_000, le=100_000_000)] = 5_000_000
    """The most events that are kept, whatever their age."""
    stream_per_key: Annotated[int, Field(ge=1, le=100)] = 5
    stream_in_all: Annotated[int, Field(ge=1, le=1_000)] = 100
    """Open streams, per process."""
    stream_heartbeat_seconds: Annotated[float, Field(ge=0.1, le=55)] = 15
    stream_send_seconds: Seconds = 30
    """A client that takes nothing for so long is cut off."""
    stream_look_seconds: Seconds = 0.5
    """How often a process looks for events that another one wrote to the stream."""

    webhook_networks: tuple[Annotated[str, Field(max_length=50)], ...] = ()
    """Networks of your own that webhooks may reach, in CIDR form: any port there, and plain http."""
    webhook_ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = (443, 8443)
    """Of public addresses."""
    webhook_seconds: Annotated[float, Field(gt=0, le=60)] = 15
    """Time for one attempt, from the connection to the end of the answer."""
    webhook_retry_seconds: tuple[Annotated[float, Field(gt=0, le=864_000)], ...] = (
        5, 30, 120, 600, 1_800, 3_600, 7_200, 18_000, 36_000,
    )  # fmt: skip
    """The pauses after an event that the endpoint refused; then it is a dead letter."""
    webhook_rest_seconds: Seconds = 5
    """The first rest of an endpoint that does not answer; each further one is twice as long, ten minutes at most."""
    webhooks_at_once: Annotated[int, Field(ge=1, le=200)] = 20
    """Endpoints served at the same time, per process."""
    webhooks_most: Annotated[int, Field(ge=1, le=10_000)] = 100

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, CONFIG_FILE)
