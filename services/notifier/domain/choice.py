"""Which channel a reply takes, and why: what the agent chose → what the contact prefers → where the conversation is live →
whatever else reaches the contact; minus what is unreachable, suppressed, opted out or already tried.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from schemas.values import Identifier, Trust

_TRUST = {Trust.UNIQUE: 0, Trust.VERIFIED: 1, Trust.ASSERTED: 2, Trust.EPHEMERAL: 3}


@dataclass(frozen=True, slots=True)
class Route:
    """One inbox that can send. `address_type` is the identifier type it sends to.

    `repeatable`: the receiving side drops a repeat of a delivery id. `confirm_within`: without a receipt by then, fall back.
    """

    channel: str
    inbox: str
    address_type: str
    repeatable: bool = False
    confirm_within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted: by the agent, by the contact (said or learned), and where the conversation is live."""

    live_channel: str
    live_inbox: str
    live_address: str | None = None
    asked: str | None = None
    preferred: str | None = None


@dataclass(frozen=True, slots=True)
class Barred:
    """What must not be used, as (channel, address): bad addresses, and those whose owner has opted out of the channel.

    `stopped` are opt-outs by the contact's own word.
    """

    addresses: frozenset[tuple[str, str]] = frozenset()
    opted_out: frozenset[tuple[str, str]] = frozenset()
    stopped: frozenset[tuple[str, str]] = frozenset()

    def holds(self, channel: str, address: str) -> bool:
        """Whether this very address must not be written to on this channel."""
        return any((channel, address) in barred for barred in (self.addresses, self.opted_out, self.stopped))

    def left(self, channel: str, identifiers: tuple[Identifier, ...]) -> bool:
        """Whether the owner of these identifiers has opted out of the channel, by any of them."""
        return any((channel, one.value) in self.opted_out | self.stopped for one in identifiers)

    def asked_to_stop(self, channel: str, identifiers: tuple[Identifier, ...]) -> bool:
        """Whether the owner of these identifiers has said so there themselves."""
        return any((channel, one.value) in self.stopped for one in identifiers)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The way to go. `why` is a sentence for an agent; it names no address."""

    channel: str
    inbox: str
    address: str
    why: str


@dataclass(frozen=True, slots=True)
class NoWay:
    """Nothing is left. `suppressed` when only suppression or an opt-out stood in the way somewhere."""

    why: str
    suppressed: bool


@dataclass(frozen=True, slots=True)
class _Obstacle:
    reason: str
    suppressed: bool = False


NOTHING_BARRED = Barred()


def choose(
    wish: Wish,
    identifiers: tuple[Identifier, ...],
    routes: tuple[Route, ...],
    barred: Barred = NOTHING_BARRED,
    tried: frozenset[str] = frozenset(),
) -> Chosen | NoWay:
    """The first channel, in the order above, that can be used. `routes` in the order of last resort; `tried` are channels.

    Who asked to stop where the conversation is live is not followed to the next channel that happens to reach them: only to
    one that the agent chose or the contact prefers (docs/decisions/0010).
    """
    passed: list[str] = []
    suppressed = False
    elsewhere = () if barred.asked_to_stop(wish.live_channel, identifiers) else routes
    for channel, reason in _candidates(wish, elsewhere):
        if channel in tried:
            continue
        found = _reach(channel, wish, identifiers, routes, barred)
        if isinstance(found, _Obstacle):
            passed.append(f"{channel}: {found.reason}")
            suppressed = suppressed or found.suppressed
            continue
        route, address = found
        passed_over = f" ({'; '.join(passed)})" if passed else ""
        return Chosen(channel, route.inbox, address, f"{channel}: {reason}{passed_over}")
    return NoWay("; ".join(passed) or "every channel was tried", suppressed)


def _candidates(wish: Wish, routes: tuple[Route, ...]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    wanted = (
        (wish.asked, "the agent chose it"),
        (wish.preferred, "the contact prefers it"),
        (wish.live_channel, "the conversation is live there"),
        *((route.channel, "it is the next one that reaches the contact") for route in routes),
    )
    for channel, reason in wanted:
        if channel is not None and channel not in seen:
            seen.add(channel)
            yield channel, reason


def _reach(
    channel: str, wish: Wish, identifiers: tuple[Identifier, ...], routes: tuple[Route, ...], barred: Barred
) -> tuple[Route, str] | _Obstacle:
    route = _route(channel, wish, routes)
    if route is None:
        return _Obstacle("no inbox that can send")
    if barred.left(channel, identifiers):
        return _Obstacle("the contact has opted out", suppressed=True)
    known = _in_order(channel, wish, (one for one in identifiers if one.type == route.address_type))
    if not known:
        return _Obstacle("no address known")
    for one in known:
        if (channel, one.value) not in barred.addresses:
            return route, one.value
    return _Obstacle("the address is known to be bad", suppressed=True)


def _in_order(channel: str, wish: Wish, identifiers: Iterable[Identifier]) -> list[Identifier]:
    """The address of the live conversation first, then by trust."""
    live = (wish.live_address or "").casefold() if channel == wish.live_channel else ""
    return sorted(identifiers, key=lambda one: (one.value.casefold() != live, _TRUST[one.trust]))


def _route(channel: str, wish: Wish, routes: tuple[Route, ...]) -> Route | None:
    own = [route for route in routes if route.channel == channel]
    live = [route for route in own if route.inbox == wish.live_inbox]
    return next(iter(live or own), None)
