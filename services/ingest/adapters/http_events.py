"""The integrators' face: CloudEvents, single and in batches, and plain interactions."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from runtime.access import Caller, caller_of, require
from runtime.direct import DirectRoute
from runtime.errors import Refused, TooLarge, Unhandled
from runtime.keys import new_id
from runtime.limits import Rate
from schemas.interactions import InteractionReceived
from services.ingest.domain.submission import Submission, from_integrator
from services.ingest.ports import Acceptor

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in JSON format that says an interaction was received."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    type: Literal["payvand.interaction.received.v1"]
    time: AwareDatetime | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    data: InteractionReceived


class Accepted(BaseModel):
    """The ids of what was accepted, in the order given. A repeat gets the same ids."""

    ids: list[UUID]


_one: TypeAdapter[CloudEvent] = TypeAdapter(CloudEvent)
_many: TypeAdapter[list[CloudEvent]] = TypeAdapter(list[CloudEvent])


def router(acceptor: Acceptor, max_batch: int, rate: Rate) -> APIRouter:
    """The routes `/v1/events` and `/v1/interactions`."""
    routes = APIRouter(prefix="/v1", tags=["events"])
    write = Depends(require("events:write"))

    async def publish_events(request: Request) -> Response:
        """Publish one CloudEvent or a batch. All of a batch is accepted, or none.

        Answered only after the commit; the same (source, id) again is answered 202 with the same id and changes nothing.
        """
        caller = await caller_of(request, "events:write")
        submissions = _submissions(request.headers.get("content-type", ""), await request.body(), max_batch)
        await rate.spend(str(caller.key_id), len(submissions))
        return await _accept(acceptor, submissions)

    routes.add_api_route(
        "/events",
        publish_events,
        methods=["POST"],
        status_code=202,
        response_model=Accepted,
        dependencies=[write],
        openapi_extra=_body(),
        route_class_override=DirectRoute,
    )

    @routes.post("/interactions", status_code=202, response_model=Accepted, openapi_extra=_plain_body())
    async def post_interaction(
        interaction: InteractionReceived,
        caller: Annotated[Caller, write],
        idempotency_key: Annotated[
            str | None,
            Header(min_length=1, max_length=255, description="The same key of the same API key: the same interaction"),
        ] = None,
    ) -> Response:
        """Post an interaction of any channel without knowing CloudEvents.

        With an `Idempotency-Key` a repeat is the same interaction; without one each call is a new one.
        """
        await rate.spend(str(caller.key_id))
        submission = from_integrator(f"urn:payvand:key:{caller.key_id}", idempotency_key or str(new_id()), interaction)
        return await _accept(acceptor, [submission])

    return routes


def _submissions(content_type: str, body: bytes, max_batch: int) -> list[Submission]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (SINGLE, BATCH, "application/json"):
        raise Refused(f"content type {kind or 'missing'!r}", field="content-type", hint=f"send {SINGLE} or {BATCH}")
    try:
        events = _many.validate_json(body) if kind == BATCH else [_one.validate_json(body)]
        submissions = [from_integrator(event.source, event.id, event.data) for event in events]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise Refused(f"{field}: {first['msg']}", field=field, hint=_hint(error.error_count())) from None
    except ValueError as error:
        raise Refused(str(error), field="source") from None
    if not 0 < len(submissions) <= max_batch:
        raise Refused(f"{len(submissions)} events", field="body", hint=f"send between 1 and {max_batch} events at once")
    return submissions


def _hint(faults: int) -> str:
    others = f" ({faults - 1} more faults)" if faults > 1 else ""
    return f"see the schema payvand.interaction.received.v1 in /openapi.json{others}; nothing of the request was accepted"


async def _accept(acceptor: Acceptor, submissions: list[Submission]) -> Response:
    try:
        await acceptor.submit(submissions)
    except Unhandled as error:
        raise TooLarge(error.message, field="data") from error
    ids = ",".join(f'"{submission.interaction_id}"' for submission in submissions)
    return Response(f'{{"ids":[{ids}]}}', 202, media_type="application/json")


_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "order-1042-question-1",
    "source": "urn:example:shop",
    "type": InteractionReceived.type,
    "data": {
        "inbox": "shop",
        "channel": "shop",
        "sender": {"identifiers": [{"type": "email", "value": "sara@example.org"}], "display_name": "Sara"},
        "occurred_at": "2026-03-21T08:30:00Z",
        "text": "Where is my order?",
    },
}


def _body() -> dict[str, Any]:
    one = CloudEvent.model_json_schema(ref_template="#/components/schemas/{model}")
    one.pop("$defs", None)
    return {
        "requestBody": {
            "required": True,
            "content": {
                SINGLE: {"schema": one, "example": _EXAMPLE},
                BATCH: {"schema": {"type": "array", "items": one}, "example": [_EXAMPLE]},
            },
        }
    }


def _plain_body() -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": _EXAMPLE["data"]}}}}
