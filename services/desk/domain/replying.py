"""On which channels an answer can go, and which the notifier would choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_REACHED_BY = {"email": "email", "phone": "sms", "telegram": "telegram", "visitor": "webchat"}


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer. `address_hint` shows enough of the address to know it by, not all of it."""

    channel: str
    address_hint: str
    default: bool
    why: str


def hint(kind: str, value: str) -> str:
    """An address with its middle hidden."""
    if kind == "email" and "@" in value:
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}…@{domain}"
    return f"…{value[-4:]}" if len(value) > 4 else "…"


def options(identifiers: Sequence[Mapping[str, str]], preferred: str | None, live: str | None) -> list[Option]:
    """The channels the contact can be reached on, the default first."""
    reachable: dict[str, str] = {}
    for known in identifiers:
        channel = _REACHED_BY.get(known["type"])
        if channel is not None:
            reachable.setdefault(channel, hint(known["type"], known["value"]))
    if live and live not in ("call", *reachable):
        reachable[live] = ""
    default = preferred if preferred in reachable else live if live in reachable else next(iter(reachable), None)
    found = [Option(name, shown, name == default, _why(name, preferred, live)) for name, shown in reachable.items()]
    return sorted(found, key=lambda option: not option.default)


def _why(channel: str, preferred: str | None, live: str | None) -> str:
    if channel == preferred:
        return "the customer prefers it"
    if channel == live:
        return "the customer last wrote here"
    return "an address is known"
