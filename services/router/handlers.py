"""The router's use case: follow commands in order, record log, state and decisions in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

from runtime.errors import NotOwner
from runtime.unit import Unit
from schemas.base import EventData
from schemas.commands import ApplyPolicy, FireTimer
from schemas.decisions import Decision
from schemas.domains import MAIN
from schemas.envelope import Event, derived_id
from schemas.interactions import InteractionIdentified
from schemas.topics import ROUTING_DECISIONS
from services.router.domain import texts
from services.router.domain.machine import decision_key, fold
from services.router.domain.policy import Facts, PolicyError
from services.router.domain.state import State, restore
from services.router.domain.values import Arrival, Body, Entry, Terms, UsePolicy, UseTerms
from services.router.ports import Ledger, PolicyReader

_NO_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_SEEN_FOR = timedelta(seconds=1)


class Router:
    """The one writer of a routing domain. The memory state is never used when it differs from the record: it is then read anew.

    `epoch` is None until the log is owned; every transaction proves the epoch first, so a stale owner writes nothing, and
    knows from then on that it is none.
    """

    def __init__(self, ledger: Ledger, read_policy: PolicyReader, terms: Terms, domain: str = MAIN) -> None:
        self._ledger = ledger
        self._read_policy = read_policy
        self._terms = terms
        self.domain = domain
        self.epoch: int | None = None
        self.state = State(terms=terms)
        self._seen: tuple[datetime, State] | None = None
        self.on_commit: Callable[[], None] = lambda: None

    async def handle(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        """Follow a batch of commands and arrivals. Raises NotOwner, with nothing written."""
        await self._claim(unit)
        bodies = [(event.id, self._body(event.data), event) for event in events if _makes_work(event.data)]
        await self._follow(unit, bodies)

    async def fire(self, unit: Unit) -> None:
        """Let time pass up to now, if something is due. Raises NotOwner, with nothing written."""
        await self._claim(unit)
        await self._follow(unit, [])

    async def take(self, unit: Unit) -> None:
        """Begin an epoch and read the state: owned once the transaction stands. Whoever wrote before is fenced then."""
        epoch = await self._ledger.take(unit)
        snapshot = await self._ledger.load(unit)
        self.state = restore(snapshot, self._terms)
        if snapshot.terms != self._terms:
            await self._begin(unit, "terms", UseTerms(self._terms))
        if self.domain != MAIN and not self.state.policies:
            await self._use_common_policy(unit)
        unit.after_commit(partial(self._own, epoch))

    async def look(self, unit: Unit) -> State:
        """The state as recorded, for a process that does not own the log; read anew once a second at the most."""
        seen = self._seen
        if seen is None or unit.now - seen[0] > _SEEN_FOR:
            seen = self._seen = unit.now, restore(await self._ledger.look(unit), self._terms)
        return seen[1]

    async def _use_common_policy(self, unit: Unit) -> None:
        """A domain that never had a policy begins with the one in force in `main`."""
        known = await self._ledger.common_policy(unit)
        if known is not None:
            await self._begin(unit, "policy", policy_of(ApplyPolicy(version=known[0], text=known[1]), self._read_policy))

    async def _begin(self, unit: Unit, what: str, body: UseTerms | UsePolicy) -> None:
        """Put what this process begins with into the log, so that who folds it anew decides by what was in force."""
        seq = self.state.seq + 1
        id = derived_id(f"router/{self.domain}", f"{what}:{seq}")
        await self._write(unit, [Entry(seq, max(self.state.at, unit.now), id, body)], {})

    def _own(self, epoch: int) -> None:
        self.epoch = epoch
        self._seen = None
        self.on_commit()

    async def _claim(self, unit: Unit) -> None:
        if await self._prove(unit) != self.state.seq:
            self.state = restore(await self._ledger.load(unit), self._terms)

    async def _prove(self, unit: Unit) -> int:
        epoch = self.epoch
        if epoch is None:
            raise NotOwner("the routing log is not owned yet")
        try:
            return await self._ledger.claim(unit, epoch)
        except NotOwner:
            if self.epoch == epoch:
                self.epoch = None
            raise

    async def _follow(self, unit: Unit, bodies: Sequence[tuple[UUID, Body, Event[Any]]]) -> None:
        state = self.state
        seq, at = state.seq, max(state.at, unit.now)
        entries: list[Entry] = []
        due = state.next_timer()
        if due is not None and due <= at:
            seq += 1
            entries.append(Entry(seq, at, derived_id(f"router/{self.domain}", f"timer:{seq}"), FireTimer(due=at)))
        causes: dict[int, Event[Any]] = {}
        for id, body, event in bodies:
            seq += 1
            causes[seq] = event
            entries.append(Entry(seq, at, id, body))
        if entries:
            await self._write(unit, entries, causes)
            unit.after_commit(self.on_commit)

    async def _write(self, unit: Unit, entries: Sequence[Entry], causes: Mapping[int, Event[Any]]) -> None:
        decisions = fold(self.state, entries)
        await self._ledger.record(unit, self.state, entries, self.state.take_changes())
        _emit(unit, entries, causes, self._signed(decisions))

    def _signed(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        if self.domain == MAIN:
            return decisions
        return [decision.model_copy(update={"domain": self.domain}) for decision in decisions]

    def _body(self, data: EventData) -> Body:
        if isinstance(data, InteractionIdentified):
            return arrival_of(data, self.state.policy.keywords)
        if isinstance(data, ApplyPolicy):
            return policy_of(data, self._read_policy)
        return data  # type: ignore[return-value]


def _makes_work(data: EventData) -> bool:
    """What needs no answer is only to be seen: it opens nothing, and an open work item does not change by it."""
    return not isinstance(data, InteractionIdentified) or data.interaction.needs_answer


def arrival_of(data: InteractionIdentified, keywords: Mapping[str, tuple[str, ...]] = _NO_WORDS) -> Arrival:
    """The facts of an interaction that routing looks at: no text, no address, so the log holds nothing to be erased.

    Of the text only what domain/texts.py makes of it, with the word lists `keywords` of the policy in force.
    """
    said = data.interaction
    facts = Facts(
        channel=said.channel,
        tier=data.contact.tier.value,
        language=said.language or data.contact.language,
        kind=said.kind.value,
        queue=said.queue,
        requirements=tuple(sorted(said.requirements.items())),
        inbox=said.inbox,
        length=texts.rounded(len(said.text)),
        has_link=texts.has_link(said.text),
        keywords=texts.hits(said.text, keywords),
        attachments=len(said.attachments),
    )
    return Arrival(data.conversation_id, facts, data.accepted_at, data.contact.contact_id)


def policy_of(data: ApplyPolicy, read: PolicyReader) -> UsePolicy:
    """A policy's text, read; a text that is no policy is refused by the machine, with the reason."""
    try:
        return UsePolicy(data.version, data.text, read(data.version, data.text))
    except PolicyError as error:
        return UsePolicy(data.version, data.text, None, str(error))


def _emit(unit: Unit, entries: Sequence[Entry], causes: Mapping[int, Event[Any]], decisions: Sequence[Decision]) -> None:
    ids = {entry.seq: entry.id for entry in entries}
    told: dict[int, int] = {}
    for decision in decisions:
        place = told[decision.seq] = told.get(decision.seq, 0) + 1
        unit.emit(
            ROUTING_DECISIONS,
            decision_key(decision),
            decision,
            cause=causes.get(decision.seq),
            id=derived_id(ids[decision.seq], f"{decision.type}:{place}"),
        )
