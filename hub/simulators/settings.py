"""How lively the simulators are, and where they listen: environment `PAYVAND_SIMULATORS_…`."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SimulatorSettings(BaseSettings):
    """Ports are on loopback. Customers begin `conversations` in all, one every `every_seconds`; then they only answer.

    With `imap_port` there are mailboxes to fetch from, too: one for each email inbox whose IMAP settings name that port of
    127.0.0.1, opened by its username and password. What its customers write is then delivered there.

    The same `seed` gives the same customers in the same order. What is done is remembered in the data folder, so that a
    restart goes on rather than begins again.
    """

    model_config = SettingsConfigDict(env_prefix="PAYVAND_SIMULATORS_", extra="ignore")

    port: Annotated[int, Field(ge=0, le=65_535)] = 8025
    smtp_port: Annotated[int, Field(ge=0, le=65_535)] = 2526
    imap_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    seed: int = 7
    first_after_seconds: Annotated[float, Field(ge=0)] = 5.0
    every_seconds: Annotated[float, Field(gt=0)] = 10.0
    answer_seconds: Annotated[float, Field(ge=0)] = 6.0
    conversations: Annotated[int, Field(ge=0)] = 12
