"""Settings common to all services: environment `PAYVAND_…` over `payvand.toml` over the defaults."""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.base import Slug
from schemas.domains import Domains, domains_of
from schemas.values import ChannelName, QueueId

CONFIG_FILE = Path("payvand.toml")
MEBIBYTE = 1024 * 1024


class InboxSettings(BaseModel):
    """One configured instance of a channel. `settings` is checked by the channel's own form."""

    name: Slug
    channel: ChannelName
    settings: dict[str, Any] = {}


class RoutingDomain(BaseModel):
    """What a routing domain claims: the inboxes whose work it takes, and the teams whose agents and queues are its own."""

    model_config = ConfigDict(extra="forbid")

    inboxes: tuple[Slug, ...] = ()
    teams: tuple[QueueId, ...] = ()


class Settings(BaseSettings):
    """What a service needs to find its surroundings. Unset URLs mean: run under `payvand up`, which fills them in."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_", toml_file=CONFIG_FILE, extra="ignore", env_nested_delimiter="__")

    database_url: SecretStr = SecretStr("postgresql+asyncpg://payvand@127.0.0.1/payvand")
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")

    kafka_groups: bool = True
    """Consumer groups (several processes per service). Off: the one process takes all partitions at once, without a
    rebalance."""
    kafka_idempotent: bool = True
    """Off for brokers without an idempotent producer; the inboxes drop the repeats either way."""
    kafka_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    kafka_partitions: Annotated[int, Field(ge=1)] = 12

    bells_dir: Path | None = None
    """A folder of sockets by which services of one machine tell each other of new records, for a broker whose long poll is
    slow; unset, a stage looks at its own pace."""

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    trusted_proxies: str = "127.0.0.1"
    """Whose X-Forwarded-For is believed: addresses or networks by comma, or *, where only the gateway can reach the port."""
    smtp_host: str = "127.0.0.1"
    smtp_port: Annotated[int, Field(ge=0, le=65535)] = 2525
    lmtp_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """For mail servers that hand mail over by LMTP; unset, nothing listens."""
    public_url: str = "http://127.0.0.1:8080"
    max_body_bytes: int = 4 * MEBIBYTE
    max_mail_bytes: int = 25 * MEBIBYTE
    max_attachment_bytes: Annotated[int, Field(ge=1, le=25 * MEBIBYTE)] = 20 * MEBIBYTE
    """Of one file, whichever way it goes."""

    secret_key: SecretStr = SecretStr("")
    """Signs visitor tokens and hashes partition keys; at least 32 characters, the same for all services."""
    previous_secret_keys: tuple[SecretStr, ...] = ()
    """Older secret keys, newest first: they still open encrypted values of payvand.toml, and are used for nothing else."""
    data_dir: Path = Path(".payvand")
    object_store_url: str | None = None
    """Where attachments go, such as s3://bucket/prefix. Unset: a folder under the data folder."""
    default_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "IR"
    """Country for phone numbers written without one (ISO 3166)."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = True
    otlp_endpoint: str | None = None

    database_pool: Annotated[int, Field(ge=2, le=50)] = 3
    batch_records: Annotated[int, Field(ge=1, le=5_000)] = 500
    stall_seconds: Annotated[float, Field(gt=0)] = 60

    inboxes: tuple[InboxSettings, ...] = ()
    routing_domains: dict[str, RoutingDomain] = {}
    """Routing domains beside `main`, by name; the same for all services."""

    @cached_property
    def domains(self) -> Domains:
        """All routing domains. Raises ValueError when two claim the same inbox or team, or a name is none."""
        return domains_of({name: (claims.inboxes, claims.teams) for name, claims in self.routing_domains.items()})

    @model_validator(mode="after")
    def _domains_are_apart(self) -> Self:
        self.domains  # noqa: B018 - it raises
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Constructor, environment, payvand.toml, then a file per secret in PAYVAND_SECRETS_DIR (`payvand_secret_key`)."""
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=os.environ.get("PAYVAND_SECRETS_DIR"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls), secrets
