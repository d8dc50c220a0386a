"""Twilio Voice: status callbacks of calls and of the legs that <Dial> makes, and the action requests of <Dial> and <Enqueue>.

Parameters follow Twilio's documentation of voice webhooks. Requests come in no sure order, so each is judged alone: only what
settles the matter makes a call, and what repeats it has the same id.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs

from channels.calls.call import ANSWERED, Call, Direction, Fault, Reading, Skip, seconds

_LOST = {"busy": "busy", "no-answer": "no-answer", "failed": "failed", "canceled": "canceled"}
_DIALLED = {"completed": ANSWERED, "answered": ANSWERED} | _LOST
_QUEUED = {
    "bridged": ANSWERED, "hangup": "abandoned", "leave": "left", "redirected": "left", "queue-full": "no-agents",
    "error": "failed", "system-error": "failed",
}  # fmt: skip
_UNDERWAY = frozenset({"queued", "initiated", "ringing", "in-progress"})
_SHAPE = "must be a form of Twilio with CallSid and CallStatus"

Form = Mapping[str, str]


class TwilioVoice:
    """The reader. `by_dial`: a human answers where <Dial> or <Enqueue> put the caller through, not where the call began."""

    def __init__(self, *, by_dial: bool) -> None:
        self._by_dial = by_dial

    def read(self, body: bytes, received_at: datetime) -> Reading:
        """At most one call. Without a Timestamp the call ended when the request came."""
        form = form_of(body)
        if not form.get("CallSid") or not form.get("CallStatus"):
            return Reading([], [Fault(1, _SHAPE)], [])
        call = self._call(form, _ended(form, received_at))
        return Reading([(1, call)], [], []) if call else Reading([], [], [Skip(1, "settles nothing yet")])

    def _call(self, form: Form, ended: float) -> Call | None:
        if "DialCallStatus" in form:
            return _dialled(form, ended)
        if "QueueResult" in form:
            return _queued(form, ended)
        if form.get("ParentCallSid"):
            return self._child(form, ended)
        return self._own(form, ended)

    def _own(self, form: Form, ended: float) -> Call | None:
        status = form["CallStatus"]
        if status in _UNDERWAY:
            return None
        talked = seconds(form.get("CallDuration"))
        if status == "completed" and self._by_dial and _direction(form) == "inbound":
            return None
        call = _begun(form, form["CallSid"], ended - (talked or 0))
        call.outcome = _LOST.get(status, ANSWERED if talked else "no-answer")
        call.talk = talked if call.answered else None
        return call

    def _child(self, form: Form, ended: float) -> Call | None:
        talked = seconds(form.get("CallDuration"))
        if not self._by_dial or form["CallStatus"] != "completed" or not talked:
            return None
        call = _begun(form, form["ParentCallSid"], ended - talked)
        call.direction, call.outcome, call.talk, call.agent = "inbound", ANSWERED, talked, form.get("To", "")
        call.callee = form.get("ForwardedFrom", "")
        return call


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a posted form, the first of each name; empty for what is none."""
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _dialled(form: Form, ended: float) -> Call:
    """<Dial> is over: the request tells of both legs, whoever hung up."""
    talked = seconds(form.get("DialCallDuration"))
    call = _begun(form, form["CallSid"], ended - (talked or 0))
    call.outcome = _DIALLED.get(form["DialCallStatus"], "failed")
    call.outcome = "no-answer" if call.answered and not talked else call.outcome
    call.talk = talked if call.answered else None
    return call


def _queued(form: Form, ended: float) -> Call:
    """<Enqueue> is over; the time in the queue is told, the time talked is not."""
    waited = seconds(form.get("QueueTime"))
    call = _begun(form, form["CallSid"], ended - (waited or 0))
    call.outcome, call.wait = _QUEUED.get(form["QueueResult"], "failed"), waited
    return call


def _begun(form: Form, call_id: str, began: float) -> Call:
    call = Call(call_id, began, form.get("From", ""), form.get("CallerName", ""), form.get("To", ""), _direction(form))
    call.recording = form.get("RecordingUrl", "")
    return call


def _direction(form: Form) -> Direction:
    return "outbound" if form.get("Direction", "").startswith("outbound") else "inbound"


def _ended(form: Form, received_at: datetime) -> float:
    read: Callable[[str], datetime] = parsedate_to_datetime
    try:
        found = read(form.get("Timestamp", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return received_at.timestamp()
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.timestamp() if 1990 <= found.year < 2100 else received_at.timestamp()
