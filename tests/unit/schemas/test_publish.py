"""The published contracts: every kind of break is caught, what only widens passes, and the files are what the code says."""

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pytest
from pydantic import Field, StringConstraints, create_model

from schemas import topics
from schemas.base import EventData, Payload
from schemas.commands import AcceptOffer
from schemas.publish import PUBLISHED, Broken, check, publish

NAME = "payvand.test.happened.v1"


def event(**fields: Any) -> dict[str, type[EventData]]:
    """One event type with these fields, as `publish` takes it; a bare type is a required field."""
    definitions: dict[str, Any] = {name: form if isinstance(form, tuple) else (form, ...) for name, form in fields.items()}
    made = create_model("Happened", __base__=EventData, **definitions)
    made.type = NAME
    return {NAME: made}


class Inner(Payload):
    text: str
    size: int = 0


class InnerWithoutSize(Payload):
    text: str


class InnerWithMore(Payload):
    text: str
    size: int = 0
    colour: str | None = None


Colour = Enum("Colour", {"RED": "red", "BLUE": "blue"})
OneColour = Enum("OneColour", {"RED": "red"})
Short = Annotated[str, StringConstraints(max_length=10)]
Long = Annotated[str, StringConstraints(max_length=20)]
Key = Annotated[str, StringConstraints(pattern="^[a-z]+$")]

BREAKS = {
    "removed field": (event(a=str, b=(str, "")), event(a=str), "b: was removed or renamed"),
    "renamed field": (event(a=(str, "")), event(c=(str, "")), "a: was removed or renamed"),
    "new required field": (event(a=str), event(a=str, b=str), "b: is new and required"),
    "optional field became required": (event(a=(str, "")), event(a=str), "a: became required"),
    "other default": (event(a=(int, 1)), event(a=(int, 2)), "a: has another default"),
    "other type": (event(a=str), event(a=int), "a: type narrowed from string to integer"),
    "number to integer": (event(a=float), event(a=int), "a: type narrowed from number to integer"),
    "null no longer taken": (event(a=str | None), event(a=str), "a: type narrowed from null to string"),
    "enum value removed": (event(a=Colour), event(a=OneColour), "a: no longer takes 'blue'"),
    "literal value removed": (event(a=Literal["x", "y"]), event(a=Literal["x"]), "a: no longer takes 'y'"),
    "free text became a list of values": (event(a=str), event(a=Literal["x"]), "a: narrowed to a list of values"),
    "shorter text": (event(a=Long), event(a=Short), "a: maxLength narrowed from 20 to 10"),
    "text got a limit": (event(a=str), event(a=Short), "a: maxLength narrowed from no limit to 10"),
    "longer minimum": (event(a=str), event(a=Annotated[str, Field(min_length=1)]), "a: minLength narrowed"),
    "smaller maximum": (event(a=Annotated[int, Field(le=9)]), event(a=Annotated[int, Field(le=5)]), "a: maximum narrowed"),
    "pattern added": (event(a=str), event(a=Key), "a: pattern changed"),
    "format added": (event(a=str), event(a=UUID), "a: format changed"),
    "fewer items": (event(a=list[str]), event(a=Annotated[list[str], Field(max_length=3)]), "a: maxItems narrowed"),
    "narrower items": (event(a=list[Long]), event(a=list[Short]), "a[]: maxLength narrowed"),
    "field removed inside": (event(a=Inner), event(a=InnerWithoutSize), "a.size: was removed or renamed"),
    "field removed inside items": (event(a=list[Inner]), event(a=list[InnerWithoutSize]), "a[].size: was removed"),
    "narrower map values": (event(a=dict[str, Long]), event(a=dict[str, Short]), "a{}: maxLength narrowed"),
    "narrower map keys": (event(a=dict[str, int]), event(a=dict[Key, int]), "a{key}: keys"),
    "fewer map entries": (
        event(a=dict[str, int]),
        event(a=Annotated[dict[str, int], Field(max_length=3)]),
        "a: maxProperties narrowed",
    ),
    "anything became text": (event(a=Any), event(a=str), "a: type narrowed from anything to string"),
    "a keyword nobody knows": (
        event(a=str),
        event(a=Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]),
        "uses 'contentEncoding'",
    ),
}

WIDENINGS = {
    "new optional field": (event(a=str), event(a=str, b=(str | None, None))),
    "required became optional": (event(a=str), event(a=(str, ""))),
    "null is taken too": (event(a=str), event(a=str | None)),
    "integer to number": (event(a=int), event(a=float)),
    "enum value added": (event(a=OneColour), event(a=Colour)),
    "list of values became free text": (event(a=Literal["x", "y"]), event(a=str)),
    "longer text": (event(a=Short), event(a=Long)),
    "limit dropped": (event(a=Short), event(a=str)),
    "pattern dropped": (event(a=Key), event(a=str)),
    "format dropped": (event(a=UUID), event(a=str)),
    "optional field inside": (event(a=list[Inner]), event(a=list[InnerWithMore])),
    "map keys widened": (event(a=dict[Key, int]), event(a=dict[str, int])),
    "text became anything": (event(a=str), event(a=Any)),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_break_is_refused_with_its_place_and_the_way_out(case: str, tmp_path: Path) -> None:
    old, new, expected = BREAKS[case]
    publish(tmp_path, old)
    before = {file: file.read_text() for file in tmp_path.rglob("*.json")}
    for attempt in (publish, check):
        with pytest.raises(Broken) as caught:
            attempt(tmp_path, new)
        assert any(expected in sentence for sentence in caught.value.sentences), caught.value.sentences
        assert all("payvand.test.happened.v2" in sentence for sentence in caught.value.sentences)
    assert {file: file.read_text() for file in tmp_path.rglob("*.json")} == before


@pytest.mark.parametrize("case", WIDENINGS)
def test_what_only_widens_becomes_the_next_version(case: str, tmp_path: Path) -> None:
    old, new = WIDENINGS[case]
    publish(tmp_path, old)
    with pytest.raises(Broken, match="out of date"):
        check(tmp_path, new)
    publish(tmp_path, new)
    check(tmp_path, new)
    assert sorted(file.name for file in (tmp_path / "history" / NAME).iterdir()) == ["1.json", "2.json"]


def test_a_schema_is_held_against_all_past_ones_not_only_the_last(tmp_path: Path) -> None:
    publish(tmp_path, event(a=(str, "")))
    publish(tmp_path, event(a=(str, ""), b=(str, "")))
    with pytest.raises(Broken) as caught:
        publish(tmp_path, event(a=(str, ""), b=str))
    assert len(caught.value.sentences) == 2
    assert "against its version 1: b: is new and required" in caught.value.sentences[0]


def test_a_removed_event_type_is_a_break(tmp_path: Path) -> None:
    publish(tmp_path, event(a=str))
    with pytest.raises(Broken, match=r"payvand\.test\.happened\.v1 is gone"):
        check(tmp_path, {})


def test_a_better_sentence_is_not_a_new_version(tmp_path: Path) -> None:
    types = event(a=str)
    publish(tmp_path, types)
    types[NAME].__doc__ = "Said better."
    reworded = create_model("Happened", __base__=EventData, __doc__="Said better.", a=(str, ...))
    reworded.type = NAME
    publish(tmp_path, {NAME: reworded})
    assert [file.name for file in (tmp_path / "history" / NAME).iterdir()] == ["1.json"]


def test_a_type_that_contains_itself_is_compared_to_an_end(tmp_path: Path) -> None:
    class Tree(EventData):
        type: ClassVar[str] = NAME
        children: "tuple[Tree, ...]" = ()

    publish(tmp_path, {NAME: Tree})
    check(tmp_path, {NAME: Tree})


def test_a_hand_edited_or_stray_file_is_found(tmp_path: Path) -> None:
    types = event(a=str)
    publish(tmp_path, types)
    (tmp_path / "payvand.test.never.v1.json").write_text("{}")
    with pytest.raises(Broken, match=r"never\.v1\.json"):
        check(tmp_path, types)
    publish(tmp_path, types)
    check(tmp_path, types)
    (tmp_path / f"{NAME}.json").write_text("{}")
    with pytest.raises(Broken, match="out of date"):
        check(tmp_path, types)


def test_writers_are_held_strictly_and_readers_are_not() -> None:
    strict = json.loads((PUBLISHED / f"{AcceptOffer.type}.json").read_text())
    tolerant = json.loads((PUBLISHED / "read" / f"{AcceptOffer.type}.json").read_text())
    assert strict["additionalProperties"] is False
    assert "additionalProperties" not in tolerant
    assert {**tolerant, "additionalProperties": False} == strict


def test_the_repository_publishes_what_the_code_says_and_breaks_no_promise() -> None:
    check()
    assert len(topics.PAYLOADS) > 20
