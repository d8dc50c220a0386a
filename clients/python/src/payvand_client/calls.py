"""Every call of the API as a value, so that both clients make the same ones. No input or output here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote
from uuid import UUID, uuid4

from payvand_client.results import Agent, Contact, Conversation, Explanation, InteractionState, Queue, Reply, TimelineItem
from payvand_client.writing import Event, IdentifierType, Interaction

T = TypeVar("T")
Id = UUID | str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be made any number of times, and how to read the answer's JSON."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a list; `cursor` None is the last."""

    items: list[T]
    cursor: str | None


def publish_events(events: Sequence[Event]) -> Call[list[UUID]]:
    """POST /v1/events: all of them, or none. Raises ValueError for none at all."""
    if not events:
        raise ValueError("there is no event to publish")
    told = [event.told() for event in events]
    single = len(told) == 1
    kind = "application/cloudevents+json" if single else "application/cloudevents-batch+json"
    return Call("POST", "/v1/events", _ids, headers={"content-type": kind}, content=_json(told[0] if single else told))


def post_interaction(interaction: Interaction, key: str | None) -> Call[UUID]:
    """POST /v1/interactions, with an Idempotency-Key in any case."""
    headers = {"content-type": "application/json", "idempotency-key": key or str(uuid4())}
    return Call("POST", "/v1/interactions", lambda told: _ids(told)[0], headers=headers, content=_json(interaction.told()))


def interaction(id: Id) -> Call[InteractionState]:
    """GET /v1/interactions/{id}."""
    return _get(f"/v1/interactions/{_part(id)}", InteractionState)


def lookup_contact(type: IdentifierType, value: str) -> Call[Contact]:
    """GET /v1/contacts/lookup."""
    return _get("/v1/contacts/lookup", Contact, {"type": type, "value": value})


def contact(id: Id) -> Call[Contact]:
    """GET /v1/contacts/{id}."""
    return _get(f"/v1/contacts/{_part(id)}", Contact)


def timeline(id: Id, size: int, cursor: str | None) -> Call[Page[TimelineItem]]:
    """GET /v1/contacts/{id}/timeline, newest first."""
    return _page(f"/v1/contacts/{_part(id)}/timeline", TimelineItem, size, cursor)


def conversation(id: Id) -> Call[Conversation]:
    """GET /v1/conversations/{id}."""
    return _get(f"/v1/conversations/{_part(id)}", Conversation)


def reply(id: Id, text: str, channel: str | None, key: str | None) -> Call[Reply]:
    """POST /v1/conversations/{id}/replies, with an Idempotency-Key in any case."""
    headers = {"content-type": "application/json", "idempotency-key": key or str(uuid4())}
    told = {"text": text} | ({"channel": channel} if channel else {})
    return Call("POST", f"/v1/conversations/{_part(id)}/replies", _as(Reply), headers=headers, content=_json(told))


def explain(id: Id) -> Call[Explanation]:
    """GET /v1/conversations/{id}/explain."""
    return _get(f"/v1/conversations/{_part(id)}/explain", Explanation)


def queues(size: int, cursor: str | None) -> Call[Page[Queue]]:
    """GET /v1/queues, by id."""
    return _page("/v1/queues", Queue, size, cursor)


def agents(size: int, cursor: str | None) -> Call[Page[Agent]]:
    """GET /v1/agents, by id."""
    return _page("/v1/agents", Agent, size, cursor)


def _get(path: str, kind: type[T], query: Mapping[str, str | int] | None = None) -> Call[T]:
    return Call("GET", path, _as(kind), query or {})


def _page(path: str, kind: type[T], size: int, cursor: str | None) -> Call[Page[T]]:
    query: dict[str, str | int] = {"limit": size}
    if cursor is not None:
        query["cursor"] = cursor

    def read(told: Any) -> Page[T]:
        return Page(cast(list[T], told["items"]), told.get("next_cursor"))

    return Call("GET", path, read, query)


def _as(kind: type[T]) -> Callable[[Any], T]:
    """The JSON as it is, under its type: the hub's contract is trusted, and newer fields pass through."""

    def read(told: Any) -> T:
        return cast(T, told)

    return read


def _ids(told: Any) -> list[UUID]:
    return [UUID(one) for one in told["ids"]]


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _part(id: Id) -> str:
    return quote(str(id), safe="")
