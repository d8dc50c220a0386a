"""Outgoing webhooks: how they are signed, which addresses may be called, and what follows from an answer.

Source: Standard Webhooks 1.0.0 (https://www.standardwebhooks.com) for headers, secrets, signatures, 410 and the retry schedule.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix is no secret
SECRET_BYTES = 32
OLD_SECRET_LIVES = timedelta(hours=24)
Network = IPv4Network | IPv6Network

# Ranges that carry an IPv4 address inside: a translator could lead such a packet back into a private network.
_CARRIERS = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))


def secret_text(key: bytes) -> str:
    """A secret as its holder is shown it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """One `v1` signature: HMAC-SHA256 over `id.timestamp.body`, base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; a signature for each secret in force, so that a rotation breaks nobody."""
    signatures = " ".join(signature(secret, id, timestamp, body) for secret in secrets)
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be called: public ones by https on `ports`; those in `networks` on any port, by http too."""

    networks: tuple[Network, ...] = ()
    ports: tuple[int, ...] = (443, 8443)

    def allows(self, address: str, port: int, *, encrypted: bool) -> bool:
        """Whether this very address (not a name) may be connected to."""
        found = ip_address(address.partition("%")[0])
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        if any(found in network for network in self.networks if network.version == found.version):
            return True
        return encrypted and port in self.ports and _public(found)


def _public(address: IPv4Address | IPv6Address) -> bool:
    carried = any(address in network for network in _CARRIERS if network.version == address.version)
    return address.is_global and not address.is_multicast and not carried


class Answer(StrEnum):
    """What an attempt says about the endpoint and the event."""

    DELIVERED = "delivered"
    ENDPOINT = "endpoint"
    """The endpoint is at fault: it did not answer, or asked for patience. The events behind wait too."""
    EVENT = "event"
    """It answered, but did not take this event. The events behind go on."""
    GONE = "gone"
    """It never wants to hear from us again."""


_PATIENCE = frozenset({408, 425, 429, 502, 503, 504})


def judged(status: int | None) -> Answer:
    """What a status means; None is no answer at all."""
    if status is None or status in _PATIENCE:
        return Answer.ENDPOINT
    if 200 <= status < 300:
        return Answer.DELIVERED
    return Answer.GONE if status == 410 else Answer.EVENT


@dataclass(frozen=True, slots=True)
class Terms:
    """When to try again, and when to give up.

    A refused event is tried after each of `pauses`. A failing endpoint rests: `rest`, doubled up to `longest_rest`; what it is
    owed is given up only after `patience`. `failures_in_a_row` refusals count as a failing endpoint. After `hopeless` without
    a single success the subscription is disabled. `jitter` is the share added at most.
    """

    pauses: tuple[timedelta, ...]
    rest: timedelta = timedelta(seconds=5)
    longest_rest: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(hours=28)
    failures_in_a_row: int = 10
    hopeless: timedelta = timedelta(days=5)
    jitter: float = 0.25


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint fares. `enabled` and `because` change when it is given up."""

    failures: int = 0
    failing_since: datetime | None = None
    rest_until: datetime | None = None
    enabled: bool = True
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an attempt: the delivery's state, when it is next tried (None: not), and how the endpoint stands."""

    state: str
    next_at: datetime | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt that was made: its number from 1, when the first was, what came of it, how long it asked us to wait."""

    number: int
    first_at: datetime
    answer: Answer
    retry_after: timedelta | None = None


def verdict(terms: Terms, before: Standing, attempt: Attempt, now: datetime, draw: float) -> Verdict:
    """What follows from an attempt. `draw` in [0, 1) is the chance in the pauses."""
    if attempt.answer is Answer.DELIVERED:
        return Verdict("delivered", None, Standing())
    failing = replace(before, failures=before.failures + 1, failing_since=before.failing_since or now, rest_until=None)
    if attempt.answer is Answer.GONE:
        return Verdict("waiting", now, replace(failing, enabled=False, because="the endpoint answered 410 Gone"))
    if now - (failing.failing_since or now) >= terms.hopeless:
        reason = f"nothing was delivered for {terms.hopeless.days} days"
        return Verdict("waiting", now, replace(failing, enabled=False, because=reason))
    if attempt.answer is Answer.ENDPOINT or failing.failures >= terms.failures_in_a_row:
        failing = replace(failing, rest_until=now + _rest(terms, failing.failures, attempt, draw))
    return _kept(terms, failing, attempt, now, draw)


def _kept(terms: Terms, failing: Standing, attempt: Attempt, now: datetime, draw: float) -> Verdict:
    if attempt.answer is Answer.ENDPOINT:
        given_up = now - attempt.first_at >= terms.patience
        return Verdict("dead", None, failing) if given_up else Verdict("waiting", failing.rest_until, failing)
    if attempt.number > len(terms.pauses):
        return Verdict("dead", None, failing)
    return Verdict("waiting", now + terms.pauses[attempt.number - 1] * (1 + terms.jitter * draw), failing)


def _rest(terms: Terms, failures: int, attempt: Attempt, draw: float) -> timedelta:
    doubled: int = 2 ** min(failures - 1, 16)
    grown = min(terms.rest * doubled, terms.longest_rest) * (1 + terms.jitter * draw)
    asked = min(attempt.retry_after or timedelta(0), timedelta(hours=1))
    return max(grown, asked)
