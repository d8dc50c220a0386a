"""The AsyncAPI 3 document of the log: channels are topics, messages are CloudEvents in binary mode, operations are by service.

Source: AsyncAPI specification 3.0.0, its Kafka bindings 0.5.0, and the CloudEvents Kafka protocol binding 1.0.2.
"""

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from schemas import topics
from schemas.base import EventData
from schemas.envelope import CONTENT_TYPE
from schemas.topics import Topic

BINDING = "0.5.0"
REF = "#/components/schemas/{model}"
SERVICES = ("ingest", "profile", "router", "notifier", "desk")
PRODUCERS: dict[str, tuple[str, ...]] = {
    topics.INTERACTIONS_RECEIVED.name: ("ingest",),
    topics.INTERACTIONS_IDENTIFIED.name: ("profile",),
    topics.INTERACTIONS_AMENDED.name: ("ingest",),
    topics.CONTACTS_CHANGED.name: ("profile",),
    topics.ROUTING_COMMANDS.name: ("desk",),
    topics.ROUTING_DECISIONS.name: ("router",),
    topics.REPLIES_REQUESTED.name: ("desk",),
    topics.DELIVERIES_UPDATED.name: ("notifier",),
    topics.DELIVERIES_RECEIPTS.name: ("ingest",),
    topics.CONSENTS_KEYWORDS.name: ("ingest",),
    topics.WEBCHAT_OUTGOING.name: ("notifier",),
    topics.DEAD_LETTERS.name: SERVICES,
}
DESCRIPTION = """The events and commands of Payvand. Every record is a CloudEvent 1.0 in Kafka's binary mode: attributes stand
in headers, the payload in the value as JSON. Keys and headers carry no personal data. Fields at their default are left out.
Read tolerantly: a later minor version may add fields. Write strictly: the schemas in schemas/published allow no others.
Delivery is at least once and in order per key; drop repeats by (ce_source, ce_id). A third party may write to
interactions.received; what breaks the contract goes to the dead letters with its reason."""


def document(version: str) -> dict[str, Any]:
    """The whole document, self-contained: it refers to nothing outside itself."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Payvand event log",
            "version": version,
            "description": " ".join(DESCRIPTION.split("\n")),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "log": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Any broker of the Kafka protocol.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "host:port of one broker"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in topics.ALL},
        "operations": dict(_operations()),
        "components": {
            "messages": {name: _message(name, data) for name, data in topics.PAYLOADS.items()},
            "schemas": {**_schemas(), "CloudEventHeaders": _headers()},
        },
    }


def tolerant(schema: Any) -> Any:
    """The reader's form of a schema: fields it does not know are allowed."""
    if isinstance(schema, dict):
        return {name: tolerant(value) for name, value in schema.items() if (name, value) != ("additionalProperties", False)}
    return [tolerant(each) for each in schema] if isinstance(schema, list) else schema


def _schemas() -> dict[str, Any]:
    models: Iterable[type[EventData]] = topics.PAYLOADS.values()
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    return dict(tolerant(schemas["$defs"]))


def _channel(topic: Topic) -> dict[str, Any]:
    configuration = {
        "cleanup.policy": ["compact"] if topic.compacted else ["delete"],
        "retention.ms": int(topic.retention.total_seconds() * 1000),
    }
    if topic.compacted:
        del configuration["retention.ms"]
    return {
        "address": topic.name,
        "description": f"Ordered by key: {topic.key}. Version {topic.version}.",
        "servers": [{"$ref": "#/servers/log"}],
        "messages": {data.type: {"$ref": f"#/components/messages/{data.type}"} for data in topic.payloads},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topics.PARTITIONS,
                "topicConfiguration": configuration,
                "bindingVersion": BINDING,
            }
        },
    }


def _operations() -> Iterable[tuple[str, dict[str, Any]]]:
    for topic in topics.ALL:
        for service in PRODUCERS[topic.name]:
            yield f"{service}.send.{topic.name}", _operation("send", service, topic)
        for service in topic.consumers:
            yield f"{service}.receive.{topic.name}", _operation("receive", service, topic)


def _operation(action: str, service: str, topic: Topic) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": f"{service} {'writes' if action == 'send' else 'reads'} {topic.name}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{data.type}"} for data in topic.payloads],
    }


def _message(name: str, data: type[EventData]) -> dict[str, Any]:
    keys = [topic.key for topic in topics.ALL if data in topic.payloads]
    return {
        "name": name,
        "title": data.__name__,
        "summary": (data.__doc__ or "").strip().split("\n")[0],
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"$ref": REF.format(model=data.__name__)},
        "correlationId": {"location": "$message.header#/ce_correlation", "description": "The interaction that started it all."},
        "bindings": {"kafka": {"key": {"type": "string", "description": " or ".join(keys)}, "bindingVersion": BINDING}},
    }


def _headers() -> dict[str, Any]:
    texts = {
        "content-type": "Always application/json.",
        "ce_specversion": "The CloudEvents version, 1.0.",
        "ce_id": "Unique within the source; our own are UUIDs.",
        "ce_source": "Who made the event: payvand/<service>, or the integrator's own URI.",
        "ce_type": "The name of the message.",
        "ce_time": "When it happened, RFC 3339 with an offset.",
        "ce_dataschema": "payvand:schemas/<type>.",
        "ce_subject": "What it is about, as an id.",
        "ce_correlation": "The id of the interaction or command that started it all.",
        "ce_causation": "The id of the event just before.",
        "traceparent": "W3C trace context.",
    }
    return {
        "type": "object",
        "description": "UTF-8 and never null; an absent attribute is an absent header.",
        "properties": {name: {"type": "string", "description": text} for name, text in texts.items()},
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    }
