"""The AsyncAPI document: complete, self-contained, and of the form that version 3.0.0 demands."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from schemas import topics
from schemas.asyncapi import PRODUCERS, SERVICES, document
from schemas.envelope import Envelope
from schemas.topics import PAYLOADS

DRAFT_7_DOES_NOT_KNOW = {"prefixItems", "$defs", "unevaluatedProperties", "dependentRequired", "$dynamicRef"}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return document("1.2.3")


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def resolve(published: dict[str, Any], reference: str) -> Any:
    target: Any = published
    for step in reference.removeprefix("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return target


def test_every_reference_leads_to_something_inside(published: dict[str, Any]) -> None:
    references = [node["$ref"] for node in nodes(published) if isinstance(node.get("$ref"), str)]
    assert len(references) > 100
    for reference in references:
        assert reference.startswith("#/")
        assert resolve(published, reference)


def test_channels_are_the_topics_and_carry_their_messages(published: dict[str, Any]) -> None:
    assert published["asyncapi"] == "3.0.0"
    assert set(published["channels"]) == set(topics.BY_NAME)
    for topic in topics.ALL:
        channel = published["channels"][topic.name]
        assert channel["address"] == topic.name
        assert set(channel["messages"]) == {data.type for data in topic.payloads}
        assert channel["bindings"]["kafka"]["partitions"] == topics.PARTITIONS
    assert published["channels"]["contacts.changed"]["bindings"]["kafka"]["topicConfiguration"] == {
        "cleanup.policy": ["compact"]
    }


def test_every_payload_is_a_message_with_headers_and_key(published: dict[str, Any]) -> None:
    messages = published["components"]["messages"]
    assert set(messages) == set(PAYLOADS)
    for name, message in messages.items():
        assert message["payload"]["$ref"].endswith(f"/{PAYLOADS[name].__name__}")
        assert message["bindings"]["kafka"]["key"]["description"]
        assert message["summary"]


def test_operations_name_a_known_service_and_a_channel(published: dict[str, Any]) -> None:
    for name, operation in published["operations"].items():
        service, action, topic = name.split(".", 2)
        assert service in SERVICES
        assert operation["action"] == action
        assert action in {"send", "receive"}
        assert operation["channel"] == {"$ref": f"#/channels/{topic}"}
        assert all(each["$ref"].startswith(f"#/channels/{topic}/messages/") for each in operation["messages"])
    for topic in topics.ALL:
        assert PRODUCERS[topic.name]
        assert {f"{service}.receive.{topic.name}" for service in topic.consumers} <= set(published["operations"])


def test_the_headers_are_those_the_envelope_writes(published: dict[str, Any]) -> None:
    names = published["components"]["schemas"]["CloudEventHeaders"]["properties"].keys()
    full = Envelope(
        id="1",
        source="shop",
        type="t",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        event_id=UUID(int=1),
        subject="s",
        correlation="c",
        causation="d",
        traceparent="e",
    )
    assert {name for name, _ in full.headers()} == set(names)


def test_payloads_use_only_what_the_document_s_schema_dialect_knows(published: dict[str, Any]) -> None:
    used = {keyword for schema in published["components"]["schemas"].values() for node in nodes(schema) for keyword in node}
    assert not used & DRAFT_7_DOES_NOT_KNOW


def test_readers_are_told_to_allow_unknown_fields(published: dict[str, Any]) -> None:
    assert not [node for node in nodes(published["components"]["schemas"]) if node.get("additionalProperties") is False]
