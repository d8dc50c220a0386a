"""Whether inboxes work against their real providers, found out without a message to anybody."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from channels.base import Finding, Surroundings
from channels.inboxes import checked
from runtime.errors import PayvandError
from runtime.settings import InboxSettings, Settings

PROBE_SECONDS = 60.0
MASK = "•••"
_LEAST = 4
"""Shorter secrets are not looked for in other texts: they would be found everywhere."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One finding, with the inbox it is about."""

    inbox: str
    check: str
    ok: bool
    detail: str
    hint: str


async def examine(inboxes: Sequence[InboxSettings], where: Settings, seconds: float = PROBE_SECONDS) -> list[Tested]:
    """What the probes of all these inboxes found, all at once, in the inboxes' order. Never raises, and tells no secret."""
    found = await asyncio.gather(*(_probed(inbox, where, seconds) for inbox in inboxes))
    return [
        Tested(inbox.name, one.check, one.ok, one.detail, one.hint)
        for inbox, findings in zip(inboxes, found, strict=True)
        for one in findings
    ]


def webhook_url(public_url: str, inbox: str) -> str | None:
    """Where a provider reaches the inbox; None when the hub's address is of this machine or of a private network."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        public = ip_address(host).is_global
    except ValueError:
        public = "." in host and not host.endswith((".localhost", ".local", ".internal"))
    return f"{public_url.rstrip('/')}/channels/{inbox}" if public else None


def secrets_of(form: BaseModel) -> frozenset[str]:
    """Every secret in a form that is long enough to be looked for."""
    return frozenset(secret for secret in _secrets(form) if len(secret) >= _LEAST)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _secrets(inner)


async def _probed(configured: InboxSettings, where: Settings, seconds: float) -> Sequence[Finding]:
    try:
        inbox = checked(configured, where)
    except PayvandError as error:
        return (Finding("settings", False, error.message, error.hint or ""),)
    well = Finding("settings", True, f"an inbox of channel {inbox.channel.name}")
    probe = inbox.channel.probe
    if probe is None:
        return (well, Finding("provider", True, "this channel has nothing that could be asked"))
    around = Surroundings(webhook_url(where.public_url, inbox.name))
    try:
        async with asyncio.timeout(seconds):
            found = await probe(inbox.form, around)
    except TimeoutError:
        hint = "is the provider reachable from here? A proxy or a firewall may swallow the request"
        return (well, Finding("provider", False, f"no answer within {seconds:g} s", hint))
    except Exception as error:
        return (well, Finding("provider", False, f"the probe failed ({type(error).__name__})", "tell who made the channel"))
    return (well, *_without(secrets_of(inbox.form), found))


def _without(secrets: frozenset[str], found: Iterable[Finding]) -> Iterable[Finding]:
    """A probe promises to tell none; a provider's own words may hold one all the same."""
    for one in found:
        detail, hint = one.detail, one.hint
        for secret in secrets:
            detail, hint = detail.replace(secret, MASK), hint.replace(secret, MASK)
        yield replace(one, detail=detail, hint=hint)
