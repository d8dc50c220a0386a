"""Asterisk's call detail records: Master.csv of cdr_csv, any column order of cdr_custom, and JSON, one record a line.

Fields and their meaning follow the Asterisk documentation of CDR. A call may have several records (attempts, transfers) with
one linkedid; a record without linkedid is joined by uniqueid.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from channels.calls.call import ANSWERED, Call, Fault, Reading, by_call, seconds, text_of
from channels.calls.clock import began_at, plain_reader, reader
from channels.calls.formats.base import Ending, Mark
from channels.calls.settings import CallInboxSettings

MASTER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
_OUTCOMES = {"ANSWERED": ANSWERED, "NO ANSWER": "no-answer", "BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed"}
_CLID = re.compile(r'"?([^"<]*?)"?\s*<[^>]*>')
_TELLS = ("src", "start", "disposition")
_WAITING = frozenset({"queue", "dial"})


class _Rows(Protocol):
    def __call__(self, text: str) -> Iterator[tuple[int, Mapping[str, str] | None]]: ...


class AsteriskCdr:
    """The reader of records; `json_lines` says in which form."""

    header = False

    def __init__(self, form: CallInboxSettings, *, json_lines: bool) -> None:
        self._columns = form.columns or MASTER
        lowered = [] if json_lines or "linkedid" in self._columns else list(self._columns)
        self._id_column = lowered.index("uniqueid") if "uniqueid" in lowered else -1
        self._encoding = form.encoding
        self._zone = form.place
        self._time = reader("iso", form.place)
        self._plain = plain_reader(form.place)
        self._rows: _Rows = _json_rows if json_lines else self._csv_rows
        self._shape = (
            "must be a JSON object with src, start and disposition, and start as YYYY-MM-DD HH:MM:SS"
            if json_lines
            else f"must have the columns {', '.join(self._columns)}, with start as YYYY-MM-DD HH:MM:SS"
        )

    def mark(self, line: bytes, header: bytes) -> Mark | Fault | None:
        """Which call the line is of. Any record may be the last of its call."""
        text = line.decode(self._encoding, "replace")
        call_id = self._quick_id(text) or next((_call_id(row) for _, row in self._rows(text) if row), "")
        return Mark(call_id, Ending.SETTLING) if call_id else Fault(1, self._shape) if text.strip() else None

    def _quick_id(self, text: str) -> str:
        """The id of a CSV record where its column says it, without looking at the rest."""
        if self._id_column < 0 or "\0" in text or "\r" in text:
            return ""
        try:
            row = next(csv.reader((text,)))
        except (csv.Error, StopIteration):
            return ""
        return row[self._id_column].strip() if self._id_column < len(row) else ""

    def read(self, body: bytes) -> Reading:
        """The calls of these records, in any order."""
        reading = Reading([], [], [])
        legs: list[tuple[int, Call]] = []
        for number, row in self._rows(body.decode(self._encoding, "replace")):
            leg = self._leg(row) if row else None
            if leg is None:
                reading.faults.append(Fault(number, self._shape))
            else:
                legs.append((number, leg))
        reading.calls = by_call(legs)
        return reading

    def _csv_rows(self, text: str) -> Iterator[tuple[int, Mapping[str, str] | None]]:
        columns, fewest = self._columns, min(len(self._columns), 16)
        for number, row in rows(text, ","):
            yield number, dict(zip(columns, row, strict=False)) if len(row) >= fewest else None

    def _began(self, row: Mapping[str, str], duration: float | None) -> float | None:
        told = row.get("start") or row.get("calldate") or ""
        plain = self._plain(told)
        if plain is not None:
            return plain
        start = self._time(told)
        return None if start is None else began_at(start, self._time(row.get("end") or ""), duration, self._zone)

    def _leg(self, row: Mapping[str, str]) -> Call | None:
        duration, talk = seconds(row.get("duration")), seconds(row.get("billsec"))
        start = self._began(row, duration)
        if start is None or "disposition" not in row:
            return None
        call = Call(_call_id(row), start, row.get("src", "").strip())
        named = _CLID.match(row.get("clid", ""))
        call.caller_name = named[1].strip() if named and named[1].strip() != call.caller else ""
        call.callee = (row.get("did") or row.get("dst", "")).strip()
        call.first = row.get("linkedid", "") == row.get("uniqueid", "")
        call.recording = row.get("recordingfile", "").strip()
        app = row.get("lastapp", "").strip().lower()
        call.queue = row.get("lastdata", "").split(",")[0].strip() if app == "queue" else ""
        call.outcome = _OUTCOMES.get(row["disposition"].strip().upper(), "unknown")
        if call.answered and "dstchannel" in row and not row["dstchannel"].strip():
            # The PBX itself picked up (a queue, a menu, a voice box) and nobody was put through.
            call.outcome = "abandoned" if app in _WAITING else "left"
        call.agent = row.get("dstchannel", "").rpartition("-")[0].strip() if call.answered else ""
        call.talk = talk if call.answered else None
        call.wait = max(0.0, (duration or 0) - (talk or 0)) if call.answered else duration
        return call


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their line numbers, from 1; empty lines left out. A row never spans lines."""
    for number, line in enumerate(text.replace("\r", "\n").replace("\0", "").split("\n"), 1):
        if line and not line.isspace():
            try:
                yield number, next(csv.reader((line,), delimiter=delimiter))
            except (csv.Error, StopIteration):
                yield number, []


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    whole = decoded(text) if text.lstrip().startswith(("[", "{\n", "{\r")) else None
    if isinstance(whole, dict | list):
        for number, one in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield number, _row(one)
        return
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.isspace():
            yield number, _row(decoded(line))


def _row(found: Any) -> Mapping[str, str] | None:
    if not isinstance(found, dict):
        return None
    return {name.lower(): text_of(found, name) for name in found}


def decoded(text: str) -> Any:
    """JSON, or None for anything else, nested beyond reason included."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _call_id(row: Mapping[str, str]) -> str:
    """linkedid, else uniqueid; for records with neither, a hash of what they say."""
    found = (row.get("linkedid") or row.get("uniqueid") or "").strip()
    if found or not any(row.get(name) for name in ("start", "calldate")):
        return found
    return "cdr-" + hashlib.sha256("\x1f".join(row.values()).encode("utf-8", "replace")).hexdigest()[:32]
