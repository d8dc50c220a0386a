"""From a call to the interaction that stands for it."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote

from channels.base import Arrival
from channels.calls.call import Call, Direction
from channels.calls.settings import CallInboxSettings
from channels.calls.words import sentence
from channels.text import one_line
from schemas.base import unchecked
from schemas.interactions import InteractionKind, InteractionReceived
from schemas.values import Identifier, IdentifierType, Sender, Trust

_WITHHELD = frozenset(
    {
        *("anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "blocked", "hidden", "null", "none"),
        *("nil", "undefined", "asterisk", "nocid", "anonymous.invalid", "invalid", "<unknown>", "s", "i", "h", "t", "-1"),
    }
)
# What Twilio puts in From for a caller who is anonymous, restricted, blocked, unknown or unavailable (keypad letters).
_KEYPAD = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
_ADDRESS = re.compile(r"(?:sips?:|tel:)?([^@;?]+)", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]+")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")


@lru_cache(maxsize=20_000)
def number_of(value: str) -> str | None:
    """The dialable number inside what a PBX wrote (`sip:+98…@host`, `(021) 123`); None for withheld and for no number."""
    plain = (value if value.isascii() else _folded(value)).strip()
    if _NUMBER.fullmatch(plain):
        number = plain
    elif plain.casefold() in _WITHHELD:
        return None
    else:
        found = _ADDRESS.match(plain)
        number = _PUNCTUATION.sub("", found[1]) if found else ""
    if not _NUMBER.fullmatch(number) or number.lstrip("+") in _KEYPAD or not number.strip("+0*#"):
        return None
    return number


def _folded(value: str) -> str:
    """Compatibility forms and foreign digits as plain ones, format characters (bidi marks, ZWNJ) dropped."""
    kept = (letter for letter in unicodedata.normalize("NFKC", value) if unicodedata.category(letter) != "Cf")
    return "".join(str(unicodedata.digit(letter, letter)) for letter in kept)


def _short(value: str, limit: int) -> str:
    """`one_line`, quicker for the plain text that most of a log is."""
    if len(value) <= limit and value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return one_line(value, limit)


_kept = lru_cache(maxsize=20_000)(_short)
"""For what many calls share: queues, agents, lines."""

# All that goes in is made here or was checked with the form; of the log comes only what `_short` and `number_of` bound.
_identifier = unchecked(Identifier)
_sender = unchecked(Sender)
_received = unchecked(InteractionReceived)


class Interactions:
    """Makes arrivals for one inbox."""

    def __init__(self, form: CallInboxSettings) -> None:
        self._form = form
        self._own = frozenset(found.lstrip("+") for number in form.own_numbers if (found := number_of(number)))
        self._fresh = timedelta(hours=form.callback_hours)

    def arrival(self, call: Call, now: datetime) -> Arrival | str:
        """The interaction, or the reason why the call is none. A missed call older than `callback_hours` makes no work."""
        caller = number_of(call.caller)
        direction = call.direction or self._direction(call, caller)
        if direction == "internal":
            return "internal call"
        call.direction = direction
        outbound = direction == "outbound"
        number = self._dialled(call.callee) if outbound else self._not_ours(caller)
        if number is not None and self._inside(number) and not outbound:
            return "internal call"
        if outbound and (number is None or self._inside(number)):
            return "outgoing call without a number outside"
        provider_id = _short(call.call_id, 200)
        if not provider_id:
            return "call without an id"
        began = datetime.fromtimestamp(call.began, UTC)
        missed = not outbound and not call.answered
        made = _received(
            inbox=self._form.inbox,
            channel="call",
            kind=InteractionKind.MISSED_CALL if missed else InteractionKind.CALL,
            sender=self._sender(call, number, provider_id),
            occurred_at=began,
            text=sentence(call, self._form.language),
            language=self._form.language,
            needs_answer=missed and now - began <= self._fresh,
            queue=self._form.queues.get(call.queue),
            attributes=self._attributes(call, number),
        )
        return Arrival(provider_id, made)

    def _direction(self, call: Call, caller: str | None) -> Direction:
        if caller is None or not (self._inside(caller) or caller.lstrip("+") in self._own):
            return "inbound"
        outside = self._dialled(call.callee)
        return "outbound" if outside is not None and not self._inside(outside) else "internal"

    def _inside(self, number: str) -> bool:
        return not number.startswith("+") and len(number) <= self._form.extension_digits

    def _dialled(self, value: str) -> str | None:
        """The customer's number that an agent dialled, without what is dialled first; None when it is none or our own."""
        number = number_of(value)
        prefix = self._form.outside_prefix
        if number and prefix and number.startswith(prefix) and len(number) > self._form.extension_digits:
            number = number[len(prefix) :]
        return self._not_ours(number)

    def _not_ours(self, number: str | None) -> str | None:
        return None if number is None or (self._own and number.lstrip("+") in self._own) else number

    def _sender(self, call: Call, number: str | None, provider_id: str) -> Sender:
        """A withheld number must not join strangers: the call itself is then all that is known of who called."""
        if number is None:
            value = f"call:{self._form.inbox}:{provider_id}"
            one = _identifier(type=IdentifierType.EXTERNAL, value=value, trust=Trust.EPHEMERAL)
        else:
            one = _identifier(type=IdentifierType.PHONE, value=number, trust=Trust.ASSERTED)
        return _sender(identifiers=(one,), display_name=self._name(call, number))

    def _name(self, call: Call, number: str | None) -> str | None:
        if number is None or call.direction == "outbound":
            return None
        if not call.caller_name or call.caller_name == number:
            return None
        name = _short(call.caller_name, 200)
        return name if name and number_of(name) is None and name.casefold() not in _WITHHELD else None

    def _attributes(self, call: Call, number: str | None) -> dict[str, str]:
        told = {
            "direction": call.direction,
            "outcome": call.outcome,
            "queue": _kept(call.queue, 200),
            "agent": _kept(call.agent, 200),
            "line": _kept(call.callee, 100) if call.direction == "inbound" else "",
            "wait_seconds": "" if call.wait is None else str(round(call.wait)),
            "talk_seconds": "" if call.talk is None else str(round(call.talk)),
            "recording": self._recording(call) if call.recording or self._form.recording_url else "",
            "call_link": "" if number is None else self._link(number),
        }
        return {name: value for name, value in told.items() if value}

    def _link(self, number: str) -> str:
        return self._form.call_link.replace("{number}", number.replace("#", "%23"))[:1_000]

    def _recording(self, call: Call) -> str:
        """The link the log gives, or the one that `recording_url` makes of what the log tells."""
        found, template = _short(call.recording, 500), self._form.recording_url
        if found.startswith(("https://", "http://")):
            return found
        if template is None or not (call.answered and (found or "{file}" not in template)):
            return ""
        filled = template.replace("{call_id}", quote(_short(call.call_id, 200), safe="")).replace(
            "{file}", quote(found, safe="/")
        )
        return filled[:1_000]
