"""The use cases of the desk, one verb each. What concerns routing is asked of the router; its answer arrives as a decision."""

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from runtime.errors import Conflict, NotFound, Refused, Transient
from runtime.unit import Unit
from schemas import topics
from schemas.commands import AcceptOffer, CompleteWrapUp, RejectOffer, ResolveWork, SetPresence, TransferWork
from schemas.decisions import GreetingDue
from schemas.envelope import Event, derived_id
from schemas.replies import ReplyRequested
from schemas.values import AgentPresence, Attachment, ThreadRef
from services.desk.domain.attaching import attachments_of
from services.desk.domain.folding import Item, fold
from services.desk.domain.greeting import CHANNELS, greeting
from services.desk.domain.people import LEASE, Viewer
from services.desk.domain.telling import Changes, Frame, anew, changes, complete
from services.desk.domain.text import clean
from services.desk.domain.timeline import item_view
from services.desk.ports import Commands, Conversations, Feed, Place, Presences, Projection

GREETER = "Payvand"


class Draft(NamedTuple):
    """A reply as written. `author` signs it; `agent_id` is None when a program writes; `key` makes a repeat the same reply.

    `uploads` are files that the agent uploaded before.
    """

    conversation_id: UUID
    author: str
    agent_id: str | None
    text: str
    channel: str | None
    key: str
    uploads: tuple[UUID, ...] = ()


class Remark(NamedTuple):
    """An internal note as written."""

    item_id: UUID
    conversation_id: UUID
    text: str


class Target(NamedTuple):
    """Where a conversation is to go: one of the two."""

    agent_id: str | None
    queue_id: str | None


async def project(projection: Projection, feed: Feed, unit: Unit, events: Sequence[Event[Any]]) -> None:
    """Bring the desk's tables up to the events and tell open desks."""
    batch = fold(events)
    contacts, queues = await projection.apply(unit, batch)
    older: list[Item] = []
    for item in await projection.amend(unit, batch):
        known = batch.items.get(item.item_id)
        if known is None:
            older.append(item)
        else:
            batch.items[item.item_id] = item._replace(contact_id=known.contact_id)
    found = changes(batch, contacts, queues)
    anew(found, older)
    await feed.tell(unit, found, partial(complete, batch))


async def greet(conversations: Conversations, feed: Feed, zone: tzinfo, unit: Unit, event: Event[GreetingDue]) -> None:
    """Give a waiting customer the first word, in their language and where they wrote. It does not count as an answer.

    Raises Transient while the conversation itself has not arrived here.
    """
    due = event.data
    if due.channel not in CHANNELS:
        return
    place = await conversations.place(unit, due.work_item_id)
    if place is None:
        raise Transient("the conversation to greet in is not known yet")
    language = due.language or place.language
    draft = Draft(due.work_item_id, GREETER, None, greeting(due, language, zone), None, str(event.id))
    item = _item(draft, derived_id(event.id, "greeting"), unit.now, language, ())
    if await conversations.add(unit, item, answers=False) is not None:
        return
    unit.emit(topics.REPLIES_REQUESTED, str(due.work_item_id), _request(draft, place, item, ()), cause=event, step="greeting")
    await _show(feed, unit, item)


async def settle(projection: Projection, feed: Feed, unit: Unit) -> None:
    """Apply amendments that no batch found, because item and amendment were written at the same moment."""
    items = await projection.settle(unit)
    if items:
        found = Changes()
        anew(found, items)
        await feed.tell(unit, found)


async def set_presence(commands: Commands, presences: Presences, unit: Unit, viewer: Viewer, state: AgentPresence) -> None:
    """Take on a presence; unless offline it is a lease that the live sockets of this session renew from now on.

    Offline is meant for all sessions of the agent.
    """
    epoch = await presences.next_epoch(unit, viewer.agent_id, state, viewer.session)
    await _present(commands, unit, viewer, state, epoch)


async def renew_presence(commands: Commands, presences: Presences, unit: Unit, viewer: Viewer) -> None:
    """Keep the lease of an agent whose desk is open.

    A session in which no presence was chosen is a passive look: it keeps none, and the router need not hear of it.
    """
    renewed = await presences.renew(unit, viewer.session) if viewer.session else None
    if renewed is not None:
        state, epoch = renewed
        await _present(commands, unit, viewer, AgentPresence(state), epoch)


async def leave(commands: Commands, presences: Presences, unit: Unit, viewer: Viewer) -> None:
    """A session ends: the agent goes offline if it was the last one they worked in. A passive look ends without a word."""
    leaving = await presences.leaving(unit, viewer.session) if viewer.session else None
    if leaving is None:
        return
    if leaving.others:
        goodbye = SetPresence(
            agent_id=viewer.agent_id, state=AgentPresence.OFFLINE, epoch=leaving.epoch, session=_window(viewer)
        )
        await commands.of_agent(unit, viewer.agent_id, goodbye)
    else:
        await set_presence(commands, presences, unit, viewer, AgentPresence.OFFLINE)


async def _present(commands: Commands, unit: Unit, viewer: Viewer, state: AgentPresence, epoch: int) -> None:
    wanted = SetPresence(agent_id=viewer.agent_id, state=state, epoch=epoch)
    if state is not AgentPresence.OFFLINE:
        wanted = wanted.model_copy(update={"lease_until": unit.now + LEASE, "session": _window(viewer)})
    await commands.of_agent(unit, viewer.agent_id, wanted)


def _window(viewer: Viewer) -> str:
    return str(viewer.session) if viewer.session else ""


async def accept(commands: Commands, unit: Unit, viewer: Viewer, offer_id: UUID) -> None:
    """Take offered work."""
    await commands.of_agent(unit, viewer.agent_id, AcceptOffer(offer_id=offer_id, agent_id=viewer.agent_id))


async def reject(commands: Commands, unit: Unit, viewer: Viewer, offer_id: UUID, reason: str) -> None:
    """Decline offered work."""
    said = RejectOffer(offer_id=offer_id, agent_id=viewer.agent_id, reason=reason)
    await commands.of_agent(unit, viewer.agent_id, said)


async def resolve(commands: Commands, unit: Unit, viewer: Viewer, conversation_id: UUID, disposition: str) -> None:
    """Settle a conversation that there is: an agent their own, a supervisor any."""
    said = ResolveWork(work_item_id=conversation_id, agent_id=_acting(viewer), disposition=disposition)
    await commands.on_work(unit, conversation_id, said)


async def complete_wrap_up(commands: Commands, unit: Unit, viewer: Viewer, conversation_id: UUID, disposition: str) -> None:
    """The agent has done what remained after the contact; the units are free."""
    said = CompleteWrapUp(work_item_id=conversation_id, agent_id=viewer.agent_id, disposition=disposition)
    await commands.of_agent(unit, viewer.agent_id, said)


async def transfer(commands: Commands, unit: Unit, viewer: Viewer, conversation_id: UUID, target: Target) -> None:
    """Hand a conversation to an agent or a queue of its routing domain."""
    if (target.agent_id is None) == (target.queue_id is None):
        raise Refused("exactly one target is needed", field="to_agent", hint="send to_agent or to_queue")
    said = TransferWork(
        work_item_id=conversation_id, agent_id=_acting(viewer), to_agent=target.agent_id, to_queue=target.queue_id
    )
    await commands.on_work(unit, conversation_id, said)


def _acting(viewer: Viewer) -> str | None:
    return None if viewer.may("supervisor") else viewer.agent_id


async def find(conversations: Conversations, unit: Unit, conversation_id: UUID) -> Place:
    """Where a conversation is live. Raises NotFound."""
    place = await conversations.place(unit, conversation_id)
    if place is None:
        raise NotFound("there is no such conversation")
    return place


async def reply(conversations: Conversations, feed: Feed, unit: Unit, draft: Draft) -> dict[str, Any]:
    """Answer the customer. The same key gives the same reply once; raises Conflict when it comes with another answer."""
    place = await find(conversations, unit, draft.conversation_id)
    reply_id = derived_id(draft.key, "reply")
    attachments = await _attached(conversations, unit, draft)
    item = _item(draft, reply_id, unit.now, place.language, attachments)
    known = await conversations.add(unit, item)
    if known is not None:
        if _said(known) != _said(item):
            raise Conflict("this Idempotency-Key was used for another reply", field="Idempotency-Key", hint="send a new key")
        return item_view(known)
    unit.emit(
        topics.REPLIES_REQUESTED,
        str(draft.conversation_id),
        _request(draft, place, item, attachments),
        id=derived_id(reply_id, "requested"),
        subject=str(draft.conversation_id),
    )
    return await _show(feed, unit, item)


def _item(draft: Draft, id: UUID, at: datetime, language: str | None, attachments: tuple[Attachment, ...]) -> Item:
    return Item(
        id,
        draft.conversation_id,
        None,
        at,
        "reply",
        draft.channel,
        None,
        draft.author,
        clean(draft.text),
        language,
        _extra(attachments),
    )


async def _attached(conversations: Conversations, unit: Unit, draft: Draft) -> tuple[Attachment, ...]:
    if not draft.uploads:
        return ()
    found = await conversations.use(unit, draft.agent_id, draft.uploads) if draft.agent_id else {}
    for place, id in enumerate(draft.uploads):
        if id not in found:
            raise Refused("there is no such upload of yours", field=f"attachments.{place}", hint="POST /api/attachments again")
    return tuple(found[id] for id in dict.fromkeys(draft.uploads))


def _extra(attachments: tuple[Attachment, ...]) -> str | None:
    if not attachments:
        return None
    shown = [attachment.model_dump(exclude={"pending"}) for attachment in attachments]
    return json.dumps({"attachments": shown}, ensure_ascii=False)


def _said(item: Item) -> tuple[Any, ...]:
    """What makes a reply another one."""
    return item.conversation_id, item.body, item.channel, [one["ref"] for one in attachments_of(item)]


def _request(draft: Draft, place: Place, item: Item, attachments: tuple[Attachment, ...]) -> ReplyRequested:
    return ReplyRequested(
        reply_id=item.item_id,
        conversation_id=draft.conversation_id,
        contact_id=place.contact_id,
        agent_id=draft.agent_id,
        author_name=draft.author[:200] if draft.agent_id else None,
        text=item.body,
        language=place.language,
        channel=draft.channel,
        live_channel=place.channel,
        live_inbox=place.inbox,
        live_address=place.address,
        thread=ThreadRef(references=tuple(place.references), subject=place.subject),
        attachments=attachments,
        requested_at=item.at,
    )


async def note(conversations: Conversations, feed: Feed, unit: Unit, viewer: Viewer, remark: Remark) -> dict[str, Any]:
    """Write an internal note, for colleagues only."""
    await find(conversations, unit, remark.conversation_id)
    item = Item(
        remark.item_id, remark.conversation_id, None, unit.now, "note", None, None, viewer.name, clean(remark.text), None, None
    )
    await conversations.add(unit, item)
    return await _show(feed, unit, item)


async def _show(feed: Feed, unit: Unit, item: Item) -> dict[str, Any]:
    view = item_view(item)
    told = Frame("item", None, {"conversation_id": str(item.conversation_id), "item": view})
    await feed.tell(unit, Changes(conversations={item.conversation_id}, frames=[told]))
    return view


async def mark_read(conversations: Conversations, feed: Feed, unit: Unit, agent_id: str, conversation_id: UUID) -> bool:
    """The agent looks at a conversation: if it is theirs, nothing in it is unread any more. Tells whether that is news."""
    news = await conversations.mark_read(unit, conversation_id, agent_id)
    if news:
        await feed.tell(unit, Changes(conversations={conversation_id}))
    return news


HANDLERS = (
    project,
    greet,
    settle,
    set_presence,
    renew_presence,
    leave,
    accept,
    reject,
    resolve,
    complete_wrap_up,
    transfer,
    reply,
    note,
    mark_read,
)
