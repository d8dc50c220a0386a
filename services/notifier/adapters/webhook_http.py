"""`/v1/webhooks`: subscriptions of endpoints to the public events, what was delivered, replay."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic_core import to_json

from runtime.access import Caller, require
from runtime.clock import Clock
from runtime.errors import Conflict, NotAllowed, NotFound, Transient
from runtime.keys import new_id
from runtime.secrets import SecretBox
from runtime.unit import Unit
from schemas.base import utc_text
from schemas.envelope import CONTENT_TYPE, OWN_SOURCE
from services.notifier.adapters import stream_store, webhook_store
from services.notifier.adapters.stream_feed import Feed
from services.notifier.adapters.stream_http import CONTACTS, unknown_type
from services.notifier.adapters.webhook_courier import Courier, secrets_of
from services.notifier.adapters.webhook_forms import (
    Change,
    DeliveryPage,
    DeliveryView,
    NewWebhook,
    ReplayFrom,
    Tried,
    WebhookList,
    WebhookMade,
    WebhookView,
    view,
)
from services.notifier.adapters.webhook_post import Parcel, Post
from services.notifier.adapters.webhook_store import Webhook
from services.notifier.domain.public_events import expanded
from services.notifier.domain.webhooks import OLD_SECRET_LIVES, SECRET_BYTES, judged, secret_text
from services.notifier.settings import StreamSettings

READ, WRITE = "webhooks:read", "webhooks:write"
_FULL: dict[int | str, dict[str, Any]] = {409: {"description": "There are too many, or the stream is switched off"}}
_GONE: dict[int | str, dict[str, Any]] = {410: {"description": "What comes after this cursor is kept no longer"}}
_NOT_DEAD: dict[int | str, dict[str, Any]] = {409: {"description": "The delivery is not dead"}}
TEST_TYPE = "payvand.webhook.test.v1"

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


def _checked(types: Sequence[str], *, contact_data: bool, caller: Caller) -> None:
    try:
        expanded(types)
    except LookupError as error:
        raise unknown_type(str(error.args[0])) from error
    if contact_data and CONTACTS not in caller.scopes:
        raise NotAllowed(f"contact_data needs a key with the scope {CONTACTS!r}", field="contact_data")


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("there is no such webhook", field="id")
    return webhook


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The use cases of the routes."""

    settings: StreamSettings
    transaction: Transaction
    feed: Feed
    post: Post
    courier: Courier
    box: SecretBox
    clock: Clock

    def _new_secret(self) -> str:
        return secret_text(secrets.token_bytes(SECRET_BYTES))

    async def make(self, asked: NewWebhook) -> WebhookMade:
        """Subscribe; from the answer on nothing is missed."""
        self.feed.refuse_if_off()
        await self.post.examine(asked.url)
        secret = self._new_secret()
        sealed = self.box.seal(secret)
        async with self.transaction() as unit:
            cursor = (await stream_store.extent(unit)).head
            made = Webhook(new_id(), asked.url, asked.types, asked.description, asked.contact_data, sealed, cursor, unit.now)
            if not await webhook_store.add(unit, made, self.settings.webhooks_most):
                raise Conflict(
                    f"there are {self.settings.webhooks_most} webhooks already", hint="delete one that is not needed"
                )
        with suppress(Transient):  # it stands, and begins when the feed does
            await self.feed.on()
        self.courier.awake.set()
        return WebhookMade(**view(await self.get(made.id)), secret=secret)

    async def get(self, id: UUID) -> Webhook:
        """One of them. Raises NotFound."""
        async with self.transaction() as unit:
            return _found(await webhook_store.one(unit, id))

    async def change(self, id: UUID, asked: Change) -> Webhook:
        """Change what is given."""
        values: dict[str, Any] = {}
        if asked.types is not None:
            values["types"] = list(asked.types)
        if asked.description is not None:
            values["description"] = asked.description
        if asked.enabled is not None:
            fresh = {"disabled_because": None if asked.enabled else "disabled by its owner", "failing_since": None}
            values |= {"enabled": asked.enabled, "failures": 0, "rest_until": None, **fresh}
        if not values:
            return await self.get(id)
        async with self.transaction() as unit:
            changed = _found(await webhook_store.change(unit, id, **values))
        self.courier.awake.set()
        return changed

    async def remove(self, id: UUID) -> None:
        """Unsubscribe."""
        async with self.transaction() as unit:
            if not await webhook_store.remove(unit, id):
                _found(None)

    async def rotate(self, id: UUID) -> WebhookMade:
        """A new secret; the one before it signs too for a day. The one before that ends at once."""
        secret = self._new_secret()
        async with self.transaction() as unit:
            before = _found(await webhook_store.one(unit, id))
            changed = _found(
                await webhook_store.change(
                    unit,
                    id,
                    secret=self.box.seal(secret),
                    old_secret=before.secret,
                    old_secret_until=unit.now + OLD_SECRET_LIVES,
                )
            )
        return WebhookMade(**view(changed), secret=secret)

    async def replay(self, id: UUID, after: str) -> Webhook:
        """Deliver again what comes after a cursor. Raises Gone when some of it is kept no longer."""
        async with self.transaction() as unit:
            cursor = stream_store.cursor_of(after, await stream_store.extent(unit))
            changed = _found(await webhook_store.change(unit, id, cursor=cursor))
        self.courier.awake.set()
        return changed

    async def revive(self, id: UUID, delivery_id: UUID) -> None:
        """Have a dead letter tried again."""
        async with self.transaction() as unit:
            state = await webhook_store.revive(unit, id, delivery_id)
        if state is None:
            raise NotFound("there is no such delivery", field="delivery_id")
        if state != "dead":
            raise Conflict(f"the delivery is {state}, not dead", field="delivery_id")
        self.courier.awake.set()

    async def test(self, id: UUID) -> Tried:
        """Send a trial event now, whatever the subscription waits for."""
        webhook = await self.get(id)
        now = self.clock.now()
        event_id = str(new_id())
        head = {"specversion": "1.0", "id": event_id, "source": f"{OWN_SOURCE}notifier", "type": TEST_TYPE}
        body = to_json({**head, "time": utc_text(now), "datacontenttype": CONTENT_TYPE, "data": {"webhook_id": str(id)}})
        reply = await self.post.send(Parcel(webhook.url, event_id, body, secrets_of(webhook, self.box, now)), now)
        return Tried(delivered=judged(reply.status).value == "delivered", status=reply.status, trouble=reply.trouble)

    async def deliveries(self, id: UUID, state: str | None, cursor: UUID | None, limit: int) -> DeliveryPage:
        """What was delivered, waits or is dead."""
        async with self.transaction() as unit:
            _found(await webhook_store.one(unit, id))
            rows = await webhook_store.deliveries(unit, id, state, cursor, limit)
        items = [DeliveryView(**row.as_dict() | {"cursor": str(row.cursor)}) for row in rows]
        return DeliveryPage(items=items, next_cursor=items[-1].id if len(items) == limit else None)


def router(webhooks: Webhooks) -> APIRouter:
    """The routes of the subscriptions."""
    routes = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
    may_read, may_write = [Depends(require(READ))], [Depends(require(WRITE))]

    @routes.post("", status_code=201, responses=_FULL)
    async def create(asked: NewWebhook, caller: Annotated[Caller, Depends(require(WRITE))]) -> WebhookMade:
        _checked(asked.types, contact_data=asked.contact_data, caller=caller)
        return await webhooks.make(asked)

    @routes.get("", dependencies=may_read)
    async def every() -> WebhookList:
        async with webhooks.transaction() as unit:
            return WebhookList(items=[WebhookView(**view(one)) for one in await webhook_store.every(unit)])

    @routes.get("/{id}", dependencies=may_read)
    async def one(id: UUID) -> WebhookView:
        return WebhookView(**view(await webhooks.get(id)))

    @routes.patch("/{id}")
    async def change(id: UUID, asked: Change, caller: Annotated[Caller, Depends(require(WRITE))]) -> WebhookView:
        _checked(asked.types or (), contact_data=False, caller=caller)
        return WebhookView(**view(await webhooks.change(id, asked)))

    @routes.delete("/{id}", status_code=204, dependencies=may_write)
    async def remove(id: UUID) -> Response:
        await webhooks.remove(id)
        return Response(status_code=204)

    _add_deeds(routes, webhooks)
    return routes


def _add_deeds(routes: APIRouter, webhooks: Webhooks) -> None:
    may_read, may_write = [Depends(require(READ))], [Depends(require(WRITE))]

    @routes.post("/{id}/rotate", dependencies=may_write)
    async def rotate(id: UUID) -> WebhookMade:
        return await webhooks.rotate(id)

    @routes.post("/{id}/replay", status_code=202, dependencies=may_write, responses=_GONE)
    async def replay(id: UUID, asked: ReplayFrom) -> WebhookView:
        return WebhookView(**view(await webhooks.replay(id, asked.after)))

    @routes.post("/{id}/test", dependencies=may_write)
    async def test(id: UUID) -> Tried:
        return await webhooks.test(id)

    @routes.get("/{id}/deliveries", dependencies=may_read)
    async def deliveries(
        id: UUID,
        state: Literal["delivered", "waiting", "dead"] | None = None,
        cursor: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> DeliveryPage:
        return await webhooks.deliveries(id, state, cursor, limit)

    @routes.post("/{id}/deliveries/{delivery_id}/retry", status_code=202, dependencies=may_write, responses=_NOT_DEAD)
    async def retry(id: UUID, delivery_id: UUID) -> Response:
        await webhooks.revive(id, delivery_id)
        return Response(status_code=202)
