"""FreeSWITCH's call detail records: one document a leg, of mod_json_cdr or mod_xml_cdr, from a file or posted.

Names follow the FreeSWITCH documentation of both modules and of mod_callcenter. The leg of the one who called carries all
that is needed; documents of the other legs are known by their `call_uuid` or originator and tell nothing more.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.parsers import expat

from channels.calls.call import ANSWERED, Call, Fault, Reading, Skip, by_call, moment, seconds, text_of
from channels.calls.formats.asterisk_cdr import decoded

_BUSY = frozenset({"USER_BUSY", "CALL_REJECTED"})
_UNANSWERED = frozenset({"NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "SUBSCRIBER_ABSENT", "USER_NOT_REGISTERED"})
_CANCELED = frozenset({"ORIGINATOR_CANCEL", "LOSE_RACE"})
_QUEUE_ENDS = {"timeout": "timeout", "no_agent_timeout": "no-agents", "exit_with_key": "left", "break_out": "abandoned"}
_MAX_DEPTH = 40
_MAX_NAMES = 20_000
_SHAPE = "must be a FreeSWITCH CDR with variables.uuid and variables.start_epoch"

Variables = Mapping[str, Any]


class FreeswitchCdr:
    """The reader of documents in JSON or XML; a form posted with the field `cdr` is opened first."""

    def __init__(self, *, xml: bool) -> None:
        self._xml = xml

    def read(self, body: bytes) -> Reading:
        """The calls of one document, or of a JSON array of them."""
        reading = Reading([], [], [])
        documents = self._documents(opened(body))
        if not documents:
            reading.faults.append(Fault(1, f"{_SHAPE}, in {'XML without entities' if self._xml else 'JSON'}"))
        legs: list[tuple[int, Call]] = []
        for number, found in enumerate(documents, 1):
            leg = _leg(found)
            if leg is None:
                reading.faults.append(Fault(number, _SHAPE))
            elif leg.leg:
                reading.skips.append(Skip(number, "leg of another call"))
            else:
                legs.append((number, leg))
        reading.calls = by_call(legs)
        return reading

    def _documents(self, text: str) -> list[Mapping[str, Any]]:
        if self._xml:
            found = xml_tree(text)
            return [found] if found else []
        whole = decoded(text)
        documents = whole if isinstance(whole, list) else [whole]
        return documents if documents and all(isinstance(one, dict) for one in documents) else []


def opened(body: bytes) -> str:
    """The document itself: some versions post it as the field `cdr` of a form."""
    text = body.decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[", "<")) and "cdr=" in text[:2_000]:
        try:
            text = parse_qs(text, max_num_fields=20).get("cdr", [""])[0].strip()
        except ValueError:
            return ""
    return unquote(text) if text.startswith(("%3C", "%3c", "%7B", "%7b")) else text


def xml_tree(text: str) -> dict[str, Any] | None:
    """Elements as nested dicts, the first of each name; None for what is no XML, declares anything, or is too deep or large."""
    root: dict[str, Any] = {}
    stack: list[tuple[str, dict[str, Any], list[str]]] = [("", root, [])]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > _MAX_DEPTH or count > _MAX_NAMES:
            raise ValueError("too deep or too large")
        stack.append((name, {}, []))

    def end(name: str) -> None:
        _, children, said = stack.pop()
        stack[-1][1].setdefault(name, children or "".join(said).strip())

    def say(data: str) -> None:
        stack[-1][2].append(data)

    def refuse(*declared: object) -> None:
        raise ValueError("declarations are not taken")

    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = say
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError):
        return None
    found = root.get("cdr")
    return found if isinstance(found, dict) else None


def _leg(document: Mapping[str, Any]) -> Call | None:
    variables = document.get("variables")
    if not isinstance(variables, dict):
        return None
    uuid, began = _said(variables, "uuid"), _epoch(variables, "start")
    if not uuid or began is None:
        return None
    profile = _profile(document)
    call = Call(uuid, began, _said(profile, "caller_id_number") or _said(variables, "sip_from_user"))
    call.caller_name = _said(profile, "caller_id_name")
    call.callee = _said(profile, "destination_number") or _said(variables, "sip_to_user")
    call.leg = _of_another(uuid, variables)
    call.recording = _recording(variables)
    call.queue = _said(variables, "cc_queue").partition("@")[0]
    if _said(variables, "cc_queue_joined_epoch"):
        _queued(call, variables)
    else:
        _plain(call, variables, profile)
    return call


def _of_another(uuid: str, variables: Variables) -> bool:
    if _said(variables, "cc_side") == "agent":
        return True
    main = _said(variables, "originating_leg_uuid") or _said(variables, "originator") or _said(variables, "call_uuid")
    return bool(main) and main != uuid


def _queued(call: Call, variables: Variables) -> None:
    """A member of a mod_callcenter queue."""
    joined, answered = _epoch(variables, "cc_queue_joined"), _epoch(variables, "cc_queue_answered")
    ended = _epoch(variables, "end") or _epoch(variables, "cc_queue_terminated")
    call.direction = "inbound"
    if answered is not None:
        call.outcome, call.agent = ANSWERED, _said(variables, "cc_agent").partition("@")[0]
        left = _epoch(variables, "cc_queue_terminated") or ended
        call.talk = max(0.0, left - answered) if left is not None else None
        call.wait = max(0.0, answered - (joined or answered))
        return
    call.outcome = _QUEUE_ENDS.get(_said(variables, "cc_cancel_reason").lower(), "abandoned")
    left = _epoch(variables, "cc_queue_canceled") or ended
    call.wait = max(0.0, left - joined) if left is not None and joined is not None else None


def _plain(call: Call, variables: Variables, profile: Variables) -> None:
    """A call without a queue: answered when it was bridged; what only the PBX picked up was not talked on."""
    talk, whole = seconds(_said(variables, "billsec")), seconds(_said(variables, "duration"))
    cause = _said(variables, "hangup_cause").upper()
    bridged = _said(variables, "bridge_uuid") or _said(variables, "last_bridge_to") or _epoch(variables, "bridge")
    if talk and bridged:
        call.outcome, call.talk = ANSWERED, talk
        call.agent = _said(variables, "last_sent_callee_id_number") or _said(variables, "dialed_user")
        call.wait = max(0.0, (whole or 0) - talk)
        return
    call.outcome = _outcome(cause, bool(talk))
    call.wait = whole


def _outcome(cause: str, picked_up: bool) -> str:
    if cause in _BUSY:
        return "busy"
    if cause in _CANCELED or (picked_up and cause == "NORMAL_CLEARING"):
        return "abandoned"
    return "no-answer" if cause in _UNANSWERED or cause == "NORMAL_CLEARING" else "failed"


def _recording(variables: Variables) -> str:
    return next(
        (found for name in ("cc_record_filename", "record_path", "recording_file") if (found := _said(variables, name))), ""
    )


def _profile(document: Mapping[str, Any]) -> Variables:
    flow = document.get("callflow")
    if isinstance(flow, list):
        flow = flow[-1] if flow else {}
    profile = flow.get("caller_profile") if isinstance(flow, dict) else None
    return profile if isinstance(profile, dict) else {}


def _epoch(variables: Variables, name: str) -> float | None:
    exact = seconds_of_micros(_said(variables, f"{name}_uepoch"))
    return exact if exact is not None else moment(_said(variables, f"{name}_epoch"))


def seconds_of_micros(value: str) -> float | None:
    """Microseconds since 1970 as seconds; None for 0, which means that it did not happen."""
    return moment(f"{value[:-6]}.{value[-6:]}") if value.isdigit() and len(value) > 6 else None


def _said(variables: Variables, name: str) -> str:
    """A variable's value, percent signs undone: both modules encode values unless told otherwise."""
    found = text_of(variables, name)
    return unquote(found).strip() if "%" in found else found.strip()
