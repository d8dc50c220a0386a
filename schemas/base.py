"""What every payload shares: frozen, strict when written, tolerant when read."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar, ParamSpec, Self, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Moment = AwareDatetime
_P = ParamSpec("_P")
_PayloadT = TypeVar("_PayloadT", bound="Payload")


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


def unchecked(kind: Callable[_P, _PayloadT]) -> Callable[_P, _PayloadT]:
    """A maker of payloads of one class out of values that are right already, at about half the cost.

    It checks no rule and converts nothing: only for what the writer has made of checked values. Given those, the result equals
    the checked one, its JSON byte for byte.
    """
    model = cast(type[Payload], kind)
    made = model.__new__
    defaults = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}

    def make(*_: _P.args, **values: _P.kwargs) -> _PayloadT:
        payload = made(model)
        _set(payload, "__dict__", {**defaults, **values})
        _set_fields(payload, set(values))
        _set_extra(payload, None)
        _set_private(payload, None)
        return cast(_PayloadT, payload)

    return make


_set = object.__setattr__
_set_fields, _set_extra, _set_private = (
    BaseModel.__dict__[f"__pydantic_{slot}__"].__set__ for slot in ("fields_set", "extra", "private")
)


@lru_cache(maxsize=64)
def utc_text(moment: datetime) -> str:
    """RFC 3339 with microseconds, as it stands in `ce_time`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
