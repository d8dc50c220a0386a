"""Settings of the desk: environment `PAYVAND_DESK_…`."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Asia/Tehran or Europe/Moscow") from None
    return name


class DeskSettings(BaseSettings):
    """How the desk serves its people."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_DESK_", extra="ignore")

    web: Path = Path(__file__).parent / "web" / "dist"
    """The built front end."""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12
    uploads_per_minute: Annotated[int, Field(ge=0)] = 30
    """Files that one agent may upload."""
    greetings: bool = True
    """Whether customers who wait get a first word (the time to it is PAYVAND_ROUTER_GREETING_SECONDS)."""
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """In which customers are told when somebody will be there, such as Asia/Tehran."""
    router_url: str | None = None
    """Where the router answers, such as http://router:8081. Unset: it is reached by way of the public URL."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides the desk's own that may open the live socket, such as https://desk.example.com."""
