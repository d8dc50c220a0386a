"""What every payload shares: frozen, strict when written, tolerant when read."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Moment = AwareDatetime


class Payload(BaseModel):
    """A value inside an event. Unknown fields are refused when we write and ignored when we read."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float")

    @classmethod
    def read(cls, data: bytes | str) -> Self:
        """Parse JSON tolerantly: fields of a newer minor version are ignored.

        Raises pydantic.ValidationError when a known field breaks its rule.
        """
        found: Self = cls.__pydantic_validator__.validate_json(data, extra="ignore")
        return found

    def write(self) -> bytes:
        """The JSON form, without the fields that are at their default."""
        return self.__pydantic_serializer__.to_json(self, exclude_defaults=True)


class EventData(Payload):
    """The payload of one event type. `type` is the CloudEvents type; a breaking change takes a new one."""

    type: ClassVar[str]


def utc_text(moment: datetime) -> str:
    """RFC 3339 with microseconds, as it stands in `ce_time`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
