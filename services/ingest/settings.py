"""What ingest alone needs to know."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestSettings(BaseSettings):
    """Environment `PAYVAND_INGEST_…`. A rate of 0 is no limit."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_INGEST_", extra="ignore")

    max_batch_events: int = Field(default=1_000, ge=1, le=10_000)
    commit_events: int = Field(default=1_000, ge=1)
    """At most so many events share one commit."""
    events_per_minute: int = Field(default=600_000, ge=0)
    """Events of one API key over /v1/events and /v1/interactions."""

    max_webhook_bytes: int = Field(default=1024 * 1024, ge=1)
    """Of one request of a provider; a channel whose form has `max_webhook_bytes` sets its own."""
    webhooks_per_minute: int = Field(default=30_000, ge=0)
    """Requests of one address to one inbox."""

    files_at_once: int = Field(default=4, ge=1, le=64)
    """So many files are fetched from providers at the same time."""
    file_seconds: float = Field(default=120, gt=0)
    """One fetch may take so long."""
    file_attempts: int = Field(default=12, ge=1)
    """With growing pauses, about a day."""

    linked_files_per_minute: int = Field(default=1_200, ge=0)
    """Requests of one address for files of answers, by signed links."""

    chat_messages_per_minute: int = Field(default=60, ge=1)
    """Of one visitor."""
    chat_peer_messages_per_minute: int = Field(default=3_000, ge=0)
    """Messages and files of one address: an office may stand behind it."""
    chat_connections_per_minute: int = Field(default=1_200, ge=0)
    """Connections, polls and other requests of one address."""
    chat_files_per_minute: int = Field(default=10, ge=0)
    """Files of one visitor."""
    chat_history: int = Field(default=100, ge=1, le=1_000)
