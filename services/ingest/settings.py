"""What ingest alone needs to know."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestSettings(BaseSettings):
    """Environment `PAYVAND_INGEST_…`."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_INGEST_", extra="ignore")

    max_batch_events: int = Field(default=1_000, ge=1, le=10_000)
    commit_events: int = Field(default=1_000, ge=1)
    """At most so many events share one commit."""
    chat_messages_per_minute: int = Field(default=60, ge=1)
    chat_history: int = Field(default=100, ge=1, le=1_000)
