"""The use cases of the notifier. All state changes go through `_apply`, which also says what happened."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from runtime.errors import Unhandled
from runtime.unit import Unit
from schemas.envelope import Envelope, Event, derived_id
from schemas.interactions import ContactChanged
from schemas.replies import DeliveryUpdated, KeywordReceived, ReceiptReceived, ReplyRequested
from schemas.topics import CONSENTS_KEYWORDS, CONTACTS_CHANGED, DELIVERIES_RECEIPTS, DELIVERIES_UPDATED, REPLIES_REQUESTED
from schemas.values import Contact, ThreadRef
from schemas.values import DeliveryState as State
from services.notifier.domain import delivery as life
from services.notifier.domain.choice import Barred, Route
from services.notifier.domain.delivery import Change, Delivery, Failed, Suppress, Terms
from services.notifier.domain.keywords import Known, needs_answer, notice, notice_id, queued
from services.notifier.domain.reply import PATIENCE, Case, Patience, Reach, admitted, opened, settled, with_deliveries
from services.notifier.domain.retry import PATIENT, RetryPolicy
from services.notifier.ports import Chance, Claimed, Contacts, Queue, Replies, Suppression, Suppressions

TOPICS = (CONTACTS_CHANGED, CONSENTS_KEYWORDS, REPLIES_REQUESTED, DELIVERIES_RECEIPTS)
"""What `Notifier.handle` takes."""
SWEEP = 200
Step = Callable[[Delivery], Change | None]
Noted = Callable[[Delivery], None]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the notifier keeps what it knows."""

    contacts: Contacts
    suppressions: Suppressions
    replies: Replies
    queue: Queue


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies in force."""

    routes: tuple[Route, ...]
    retry: RetryPolicy = PATIENT
    patience: Patience = PATIENCE


class Notifier:
    """Takes replies, contacts, opt-out words and receipts; hands out deliveries to send; records what became of them.

    `wake` is called after a commit that may have made something due, `noted` after a commit for each delivery in a new state.
    Every state change emits one DeliveryUpdated, whose id hangs on (delivery, attempt, state) alone; notices are not told.
    """

    def __init__(self, stores: Stores, rules: Rules, chance: Chance, wake: Callable[[], None], noted: Noted) -> None:
        self._stores = stores
        self._rules = rules
        self._chance = chance
        self._wake = wake
        self._noted = noted
        self._routes = {route.inbox: route for route in rules.routes}

    async def handle(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        """The stage's handler: contacts first, so that a reply in the same batch finds its contact; then opt-out words, so
        that it finds them too.
        """
        await self.take_contacts(unit, [event.data.contact for event in events if isinstance(event.data, ContactChanged)])
        await self.take_keywords(unit, [event for event in events if isinstance(event.data, KeywordReceived)])
        await self.take_replies(unit, [event for event in events if isinstance(event.data, ReplyRequested)])
        await self.take_receipts(unit, [event.data for event in events if isinstance(event.data, ReceiptReceived)])
        unit.after_commit(self._wake)

    async def take_contacts(self, unit: Unit, contacts: Sequence[Contact]) -> None:
        """Keep the newest version of each contact and admit the replies that waited for it."""
        if not contacts:
            return
        await self._stores.contacts.save(unit, contacts)
        await self._admit(unit, await self._stores.queue.awaiting(unit, {one.contact_id for one in contacts}))

    async def take_keywords(self, unit: Unit, heard: Sequence[Event[KeywordReceived]]) -> None:
        """Obey each word, in order, and answer it once. Stop: nothing more to this address on this channel, and what waits for
        it ends; start: lifted. The answer itself is exempt from the suppression.
        """
        for event in heard:
            data = event.data
            addresses = {data.sender.value, data.sender.value.casefold()}
            known = await self._known(unit, data, addresses)
            if data.keyword == "stop":
                await self._stop(unit, event, addresses)
            elif data.keyword == "start":
                await self._stores.suppressions.lift(unit, data.channel, addresses)
            if data.inbox in self._routes and needs_answer(data, known):
                answer = Event(event.envelope, event.key, notice(event.id, data, known, unit.now))
                cases = await self._stores.replies.store(unit, [answer])
                await self._stores.replies.save(unit, [queued(case.request, case.place, unit.now) for case in cases])

    async def _stop(self, unit: Unit, event: Event[KeywordReceived], addresses: Collection[str]) -> None:
        channel = event.data.channel
        cause = notice_id(event.id)
        stops = [Suppression(channel, address, Suppress.STOP, cause) for address in addresses]
        await self._stores.suppressions.add(unit, stops)
        waiting = await self._stores.queue.waiting_for(unit, channel, addresses)
        await self._apply(unit, [(one, life.stopped) for one in waiting])

    async def _known(self, unit: Unit, heard: KeywordReceived, addresses: Collection[str]) -> Known:
        barred = await self._stores.suppressions.among(unit, addresses)
        closed = any((heard.channel, one) in barred.opted_out | barred.stopped for one in addresses)
        last = await self._stores.replies.latest(unit, heard.channel, addresses)
        if last is None:
            return Known(barred=closed)
        found = (await self._stores.contacts.find(unit, [last.contact_id])).get(last.contact_id)
        thread = last.thread if last.live_channel == heard.channel else ThreadRef()
        return Known(last.contact_id, (found and found.language) or last.language, thread, closed)

    async def take_replies(self, unit: Unit, asked: Sequence[Event[ReplyRequested]]) -> None:
        """Keep each intent once and open its first delivery. Raises Unhandled for a known id with another body."""
        if not asked:
            return
        cases = await self._stores.replies.store(unit, asked)
        reach = await self._reach(unit, {case.request.contact_id for case in cases})
        first = [opened(case, reach[case.request.contact_id], unit.now, self._rules.patience) for case in cases]
        await self._stores.replies.save(unit, first)
        self._tell(unit, first)

    async def take_receipts(self, unit: Unit, receipts: Sequence[ReceiptReceived]) -> None:
        """Apply receipts by rank. Raises Unhandled for a delivery that was never made here."""
        if not receipts:
            return
        unknown = await self._apply(unit, [(one.delivery_id, _receipt(one)) for one in receipts])
        if unknown:
            raise Unhandled(f"there is no delivery {unknown[0]}; a receipt names one that was announced before")

    async def claim(self, unit: Unit, slots: Mapping[str, int], lease: timedelta) -> Sequence[Claimed]:
        """Deliveries to send now; they stand as `sending` once the unit commits. Those `barred` meanwhile go to `withhold`."""
        claimed = await self._stores.queue.claim(unit, slots, unit.now + lease)
        barred = await self._stores.suppressions.among(unit, {one.delivery.address for one in claimed})
        marked = [replace(one, barred=_is_barred(one.delivery, barred)) for one in claimed]
        self._tell(unit, [one.delivery for one in marked if not one.barred])
        return marked

    async def withhold(self, unit: Unit, delivery_id: UUID) -> None:
        """End a claimed delivery whose address was suppressed after the choice, and take the next channel."""
        await self._apply(unit, [(delivery_id, life.withheld)])

    async def record_sent(self, unit: Unit, delivery_id: UUID, provider_id: str, note: str = "") -> None:
        """The provider took it; `note` says how, for the agent."""

        def step(delivery: Delivery) -> Change | None:
            route = self._routes.get(delivery.inbox)
            within = route.confirm_within if route else None
            return life.after_sent(delivery, provider_id, unit.now + within if within else None, note)

        await self._apply(unit, [(delivery_id, step)])

    async def record_failure(self, unit: Unit, delivery_id: UUID, attempt: int, failed: Failed) -> None:
        """It was not, or perhaps not, taken. Ignored when a later attempt is under way."""

        def step(delivery: Delivery) -> Change | None:
            return life.after_failure(delivery, failed, self._terms(unit, delivery)) if delivery.attempt == attempt else None

        await self._apply(unit, [(delivery_id, step)])

    async def sweep(self, unit: Unit) -> int:
        """Move on what a deadline has caught: ended leases, deferred or outlived deliveries, chats not seen. Gives how many."""
        overdue = await self._stores.queue.overdue(unit, SWEEP)
        if not overdue:
            return 0

        def step(delivery: Delivery) -> Change | None:
            return (
                life.outlived(delivery, unit.now)
                or life.lease_ended(delivery, self._terms(unit, delivery))
                or life.unconfirmed(delivery, unit.now)
            )

        await self._apply(unit, [(one, step) for one in overdue])
        await self._admit(unit, overdue)
        return len(overdue)

    async def next_moment(self, unit: Unit) -> datetime | None:
        """When the sender should look again, unless it is woken before."""
        return await self._stores.queue.next_moment(unit)

    async def _admit(self, unit: Unit, delivery_ids: Collection[UUID]) -> None:
        if not delivery_ids:
            return
        cases = await self._stores.replies.lock(unit, delivery_ids)
        waiting = [(case, one) for case in _distinct(cases) for one in case.deliveries if one.state is State.DEFERRED]
        reach = await self._reach(unit, {case.request.contact_id for case, _ in waiting})
        after = [admitted(case, one, reach[case.request.contact_id], unit.now, self._rules.patience) for case, one in waiting]
        await self._stores.replies.save(unit, after)
        self._tell(unit, [one for one in after if one.state is not State.DEFERRED])

    async def _apply(self, unit: Unit, steps: Sequence[tuple[UUID, Step]]) -> Sequence[UUID]:
        """Run the steps in order, save and tell what changed; gives the ids that are not known."""
        if not steps:
            return ()
        locked = await self._stores.replies.lock(unit, {delivery_id for delivery_id, _ in steps})
        cases = {case.request.reply_id: case for case in locked.values()}
        touched: dict[UUID, Delivery] = {}
        changes: list[Delivery] = []
        for delivery_id, step in steps:
            if delivery_id not in locked:
                continue
            case = cases[locked[delivery_id].request.reply_id]
            before = {one.delivery_id: one for one in case.deliveries}
            change = step(before[delivery_id])
            if change is None:
                continue
            results = settled(case, before[delivery_id], change, await self._reach_for(unit, case, change), unit.now)
            changes += [one for one in results if _is_news(one, before)]
            touched |= {one.delivery_id: one for one in results}
            cases[case.request.reply_id] = with_deliveries(case, results)
            await self._suppress(unit, before[delivery_id], change)
        await self._stores.replies.save(unit, list(touched.values()))
        self._tell(unit, changes)
        return [delivery_id for delivery_id, _ in steps if delivery_id not in locked]

    async def _suppress(self, unit: Unit, delivery: Delivery, change: Change) -> None:
        if change.suppress:
            suppression = Suppression(delivery.channel, delivery.address, change.suppress, delivery.delivery_id)
            await self._stores.suppressions.add(unit, [suppression])

    async def _reach_for(self, unit: Unit, case: Case, change: Change) -> Reach:
        if case.deliveries[0].message_class == "notice":
            return Reach(())
        if not change.fall_back:
            return Reach(self._rules.routes)
        return (await self._reach(unit, {case.request.contact_id}))[case.request.contact_id]

    async def _reach(self, unit: Unit, contact_ids: Collection[UUID]) -> Mapping[UUID, Reach]:
        contacts = await self._stores.contacts.find(unit, contact_ids)
        addresses = {one.value for contact in contacts.values() for one in contact.identifiers}
        barred = await self._stores.suppressions.among(unit, addresses)
        return {one: self._reach_of(contacts.get(one), barred) for one in contact_ids}

    def _reach_of(self, contact: Contact | None, barred: Barred) -> Reach:
        if contact is None:
            return Reach(self._rules.routes)
        return Reach(self._rules.routes, True, contact.identifiers, contact.preferred_channel, barred)

    def _terms(self, unit: Unit, delivery: Delivery) -> Terms:
        route = self._routes.get(delivery.inbox)
        return Terms(unit.now, self._chance(), self._rules.retry, repeatable=bool(route and route.repeatable))

    def _tell(self, unit: Unit, deliveries: Iterable[Delivery]) -> None:
        for one in deliveries:
            unit.after_commit(partial(self._noted, one))
            if one.message_class == "notice":
                continue
            event_id = derived_id(one.delivery_id, f"{one.attempt}:{one.state}")
            envelope = Envelope(
                id=str(event_id),
                source=f"payvand/{unit.service}",
                type=DeliveryUpdated.type,
                time=unit.now,
                event_id=event_id,
                correlation=one.correlation,
                causation=str(one.reply_id),
                traceparent=one.traceparent,
            )
            unit.emit_raw(DELIVERIES_UPDATED, str(one.conversation_id), envelope, _updated(one, unit.now).write())


def _updated(delivery: Delivery, now: datetime) -> DeliveryUpdated:
    return DeliveryUpdated(
        delivery_id=delivery.delivery_id,
        reply_id=delivery.reply_id,
        conversation_id=delivery.conversation_id,
        contact_id=delivery.contact_id,
        channel=delivery.channel,
        inbox=delivery.inbox,
        state=delivery.state,
        attempt=delivery.attempt,
        why=delivery.why,
        provider_id=delivery.provider_id,
        at=now,
    )


def _receipt(receipt: ReceiptReceived) -> Step:
    return lambda delivery: life.after_receipt(delivery, receipt.state, receipt.detail, receipt.failure)


def _is_barred(delivery: Delivery, barred: Barred) -> bool:
    return delivery.message_class != "notice" and barred.holds(delivery.channel, delivery.address)


def _is_news(delivery: Delivery, before: Mapping[UUID, Delivery]) -> bool:
    return delivery.delivery_id not in before or before[delivery.delivery_id].state != delivery.state


def _distinct(cases: Mapping[UUID, Case]) -> Iterable[Case]:
    return {case.request.reply_id: case for case in cases.values()}.values()
