"""Forms say of a channel's settings what a person or a screen needs to fill them in."""

import json
from typing import Annotated, Any, Literal

import pytest
from payvand_channel_courier import COURIER
from pydantic import BaseModel, Field, SecretStr

from channels.base import Channel, InboxSettings
from channels.forms import BY_THE_HUB, FormField, every_field, form_of, plain
from channels.registry import CHANNELS
from schemas.values import IdentifierType

every_channel = pytest.mark.parametrize("channel", [*CHANNELS.values(), COURIER], ids=lambda one: one.name)


def fields(channel: Channel) -> dict[str, FormField]:
    return dict(every_field(form_of(channel)))


@every_channel
def test_every_field_of_every_form_is_explained(channel: Channel) -> None:
    bare = [path for path, one in fields(channel).items() if not one.help.removesuffix(BY_THE_HUB.get(one.name, "")).strip()]
    assert not bare
    assert all(one.label for one in fields(channel).values())


@every_channel
def test_a_form_is_json_and_tells_no_secret(channel: Channel) -> None:
    told = json.loads(json.dumps(plain(form_of(channel))))
    assert told["channel"] == channel.name
    assert all(one.default is None for one in fields(channel).values() if one.kind == "secret")


@every_channel
def test_a_form_has_all_fields_of_the_model_but_the_inboxs_name(channel: Channel) -> None:
    known = {info.alias or name for name, info in channel.settings.model_fields.items()} - {"inbox"}
    assert {one.name for one in form_of(channel).fields} == known


def test_what_the_hub_fills_in_is_not_asked_for() -> None:
    assert CHANNELS["telegram"].settings.model_fields["secret"].is_required()
    assert not fields(CHANNELS["telegram"])["secret"].required
    assert fields(CHANNELS["telegram"])["token"].required


def test_a_choice_among_providers_has_the_fields_of_each() -> None:
    provider = fields(CHANNELS["sms"])["provider"]
    assert (provider.kind, provider.chosen_by) == ("group", "driver")
    assert set(provider.variants) == {"twilio", "gateway"}
    assert {one.name for one in provider.variants["twilio"]} >= {"account_sid", "numbers"}
    assert fields(CHANNELS["sms"])["provider.gateway.secrets"].item == FormField("value", "secret", "value")


class Inner(BaseModel):
    """A part."""

    depth: Annotated[int, Field(gt=0, le=9)] = 3


class Odd(InboxSettings):
    """Of all kinds."""

    token: SecretStr
    name: Annotated[str, Field(min_length=2, max_length=5, pattern="^a")] = "abc"
    ratio: float | None = None
    mood: Literal["calm", "busy"] = "calm"
    loud: bool = Field(default=False, title="Ring loudly", description="In the office.")
    words: tuple[Annotated[str, Field(max_length=3)], ...] = ("x",)
    parts: list[Inner] = []
    inner: Inner | None = None
    levels: dict[str, int] = {}
    either: str | int = 1
    anything: Any = None


ODD = fields(Channel("odd", Odd, None, None, IdentifierType.EXTERNAL))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("token", "secret"),
        ("name", "text"),
        ("ratio", "number"),
        ("mood", "choice"),
        ("loud", "switch"),
        ("words", "list"),
        ("parts", "list"),
        ("inner", "group"),
        ("levels", "table"),
        ("either", "text"),
        ("anything", "any"),
    ],
)
def test_each_type_has_its_kind_of_field(name: str, kind: str) -> None:
    assert ODD[name].kind == kind


def test_limits_defaults_and_labels_come_from_the_model() -> None:
    assert ODD["name"].limits == {"min_length": 2, "max_length": 5, "pattern": "^a"}
    assert ODD["inner.depth"].limits == {"above": 0, "maximum": 9}
    assert ODD["parts.depth"].whole
    assert not ODD["ratio"].whole
    assert (ODD["words"].default, ODD["mood"].choices) == (["x"], ("calm", "busy"))
    assert (ODD["loud"].label, ODD["loud"].help, ODD["token"].label) == ("Ring loudly", "In the office.", "Token")
    words = ODD["words"].item
    assert words is not None
    assert words.limits == {"max_length": 3}
