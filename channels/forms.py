"""A channel's settings as a form that a screen or a person can fill in, derived from its pydantic model.

The model stays the only judge of what is right: a form tells of its fields, not of rules that tie several together.
"""

import types
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from channels.base import Channel

Kind = Literal["text", "secret", "number", "choice", "switch", "list", "table", "group", "any"]
"""`table` has names that the operator chooses, `group` names that the channel has fixed; `any` is whatever TOML can say."""
Limit = int | float | str

BY_THE_HUB = {"secret": "By default the hub's own secret key."}
"""Fields that the hub fills in when the operator leaves them out."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. `limits` has `minimum`, `above`, `maximum`, `below`, `min_length`, `max_length`, `pattern`, as they apply.

    A list or table has its `item`, a group its `fields`. A group with `variants` is one of several groups, told apart by the
    value of its choice `chosen_by`. `default` is what JSON can say, None when there is none; never a secret.
    """

    name: str
    kind: Kind
    label: str
    help: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=dict)
    whole: bool = False
    """A number without a fraction."""
    fields: tuple["FormField", ...] = ()
    item: "FormField | None" = None
    chosen_by: str = ""
    variants: Mapping[str, tuple["FormField", ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """All that an inbox of one channel can be told. The inbox's name is no field: it stands beside the form."""

    channel: str
    help: str
    fields: tuple[FormField, ...]


@cache
def form_of(channel: Channel) -> Form:
    """The form of a channel; the fields are in the model's order. Raises nothing, whatever types a model uses."""
    fields = tuple(
        replace(field, required=False, help=f"{field.help} {BY_THE_HUB[field.name]}".strip())
        if field.name in BY_THE_HUB
        else field
        for field in _fields(channel.settings)
        if field.name != "inbox"
    )
    return Form(channel.name, _text(channel.settings.__doc__), fields)


def every_field(form: Form) -> Iterator[tuple[str, FormField]]:
    """Each field with its path (`provider.twilio.numbers`), however deep."""
    for top in form.fields:
        yield from _under(top.name, top)


def plain(form: Form) -> dict[str, Any]:
    """The form as JSON; what is empty is left out."""
    return {"channel": form.channel, "help": form.help, "fields": [_plain(field) for field in form.fields]}


def _under(path: str, field: FormField) -> Iterator[tuple[str, FormField]]:
    yield path, field
    for inner in (*field.fields, *(field.item.fields if field.item else ())):
        yield from _under(f"{path}.{inner.name}", inner)
    for chosen, fields in field.variants.items():
        for inner in fields:
            yield from _under(f"{path}.{chosen}.{inner.name}", inner)


def _plain(field: FormField) -> dict[str, Any]:
    found: dict[str, Any] = {"name": field.name, "kind": field.kind, "label": field.label, "help": field.help}
    found |= {"required": field.required, "default": field.default}
    more: dict[str, Any] = {
        "choices": list(field.choices),
        "limits": dict(field.limits),
        "whole": field.whole,
        "fields": [_plain(inner) for inner in field.fields],
        "item": _plain(field.item) if field.item else None,
        "chosen_by": field.chosen_by,
        "variants": {chosen: [_plain(inner) for inner in fields] for chosen, fields in field.variants.items()},
    }
    return found | {name: value for name, value in more.items() if value}


def _fields(model: type[BaseModel]) -> tuple[FormField, ...]:
    return tuple(_field(info.alias or name, info) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo) -> FormField:
    shape = _shape(name, info.annotation, tuple(info.metadata), str(info.discriminator or ""))
    default = None if info.is_required() else _told(info.get_default(call_default_factory=True, validated_data={}))
    label = info.title or name.replace("_", " ").capitalize()
    return replace(shape, label=label, help=_text(info.description), required=info.is_required(), default=default)


def _shape(name: str, wanted: Any, rules: tuple[Any, ...] = (), chosen_by: str = "") -> FormField:
    """What kind of field an annotation asks for."""
    wanted, rules = _bare(wanted, rules)
    origin, inner = get_origin(wanted), get_args(wanted)
    field = FormField(name, "any", name, limits=dict(_limits(rules)))
    if origin is Literal:
        return replace(field, kind="choice", choices=tuple(str(one) for one in inner))
    if origin in (Union, types.UnionType):
        return _union(field, inner, rules, chosen_by)
    kind = origin or wanted
    if wanted is Any or not isinstance(kind, type):
        return field
    if issubclass(kind, Mapping):
        return replace(field, kind="table", item=_shape("value", inner[1] if len(inner) == 2 else Any))
    if issubclass(kind, Sequence | Set) and not issubclass(kind, str | bytes):
        return replace(field, kind="list", item=_shape("item", inner[0] if inner else Any))
    return _plain_type(field, kind)


def _plain_type(field: FormField, kind: type) -> FormField:
    if issubclass(kind, BaseModel):
        return replace(field, kind="group", help=_text(kind.__doc__), fields=_fields(kind))
    if issubclass(kind, Enum):
        return replace(field, kind="choice", choices=tuple(str(one.value) for one in kind))
    kinds: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
        (bool, "switch"),
        ((int, float), "number"),
        (SecretStr, "secret"),
        ((str, PurePath), "text"),
    )
    found: Kind = next((told for types_, told in kinds if issubclass(kind, types_)), "text")
    return replace(field, kind=found, whole=kind is int)


def _union(field: FormField, members: tuple[Any, ...], rules: tuple[Any, ...], chosen_by: str) -> FormField:
    """Without None it may be one type; several groups are variants; text or number is text; everything else is `any`."""
    members = tuple(one for one in members if one is not type(None))
    if len(members) == 1:
        return _shape(field.name, members[0], rules)
    groups = [one for one in members if isinstance(one, type) and issubclass(one, BaseModel)]
    if chosen_by and len(groups) == len(members):
        variants = {chosen: _fields(group) for group in groups for chosen in _values(group, chosen_by)}
        return replace(field, kind="group", chosen_by=chosen_by, variants=variants)
    shapes = {_shape(field.name, one).kind for one in members}
    return replace(field, kind="text" if shapes <= {"text", "number", "choice"} else "any")


def _values(group: type[BaseModel], name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in get_args(group.model_fields[name].annotation))


def _bare(wanted: Any, rules: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Without `Annotated`, whose rules are added."""
    while get_origin(wanted) is Annotated:
        wanted, *more = get_args(wanted)
        rules = (*more, *rules)
    return wanted, rules


def _limits(rules: tuple[Any, ...]) -> Iterator[tuple[str, Limit]]:
    named = {"ge": "minimum", "gt": "above", "le": "maximum", "lt": "below"}
    named |= {name: name for name in ("min_length", "max_length", "pattern")}
    for rule in rules:
        for part in rule.metadata if isinstance(rule, FieldInfo) else (rule,):
            for attribute, name in named.items():
                value = getattr(part, attribute, None)
                if isinstance(value, int | float | str) and not isinstance(value, bool):
                    yield name, value


def _told(value: Any) -> Any:
    """A default as JSON, without secrets."""
    if value is PydanticUndefined or isinstance(value, SecretStr):
        return None
    if isinstance(value, BaseModel):
        return {name: told for name in type(value).model_fields if (told := _told(getattr(value, name))) is not None}
    if isinstance(value, Mapping):
        return {str(name): _told(inner) for name, inner in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, str):
        return [_told(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _text(told: str | None) -> str:
    """Docstrings in one paragraph per paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in (told or "").split("\n\n")).strip()
