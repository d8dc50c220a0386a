"""Settings of the desk: environment `PAYVAND_DESK_…`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DeskSettings(BaseSettings):
    """How the desk serves its people."""

    model_config = SettingsConfigDict(env_prefix="PAYVAND_DESK_", extra="ignore")

    web: Path = Path(__file__).parent / "web" / "dist"
    """The built front end."""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12
    uploads_per_minute: Annotated[int, Field(ge=0)] = 30
    """Files that one agent may upload."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides the desk's own that may open the live socket, such as https://desk.example.com."""
