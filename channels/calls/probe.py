"""What `payvand channels test` looks at for a call inbox."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from channels.base import Finding, Surroundings
from channels.calls import reading
from channels.calls.call import Fault, Reading
from channels.calls.inbound import read
from channels.calls.settings import CallInboxSettings
from channels.calls.source import of_folder, raw_of, these_logs
from runtime.errors import PayvandError

_TAIL = 65_536
_AHEAD_SECONDS = 300
_OLD_DAYS = 2


async def probe(form: CallInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the log is there, readable, of the named format, lively, and on a plausible clock; whether posts can come."""
    found = [_way_in(form, surroundings)]
    if form.format == "csv":
        found.append(_mapping(form))
    if form.files:
        found += await asyncio.to_thread(_files, form)
    return found


def _way_in(form: CallInboxSettings, surroundings: Surroundings) -> Finding:
    if form.format == "twilio":
        where = surroundings.webhook_url or "not known: set the public URL"
        ok = form.auth_token is not None and surroundings.webhook_url is not None
        return Finding("signature", ok, f"Twilio calls {where}", "" if ok else "set auth_token, and a public URL for the hub")
    if form.token is not None:
        return Finding("token", True, f"records are taken at {surroundings.webhook_url or 'the hub, which has no public URL'}")
    if form.files:
        return Finding("token", True, "none: records come from files only")
    return Finding("token", False, "neither files nor a token", "name the log in files, or set a token for posted records")


def _mapping(form: CallInboxSettings) -> Finding:
    try:
        form.layout()
    except PayvandError as error:
        return Finding("mapping", False, error.message, error.hint or "mend the mapping file")
    return Finding("mapping", True)


def _files(form: CallInboxSettings) -> list[Finding]:
    try:
        newest = _newest(form)
    except OSError as error:
        return [Finding("files", False, f"{form.files}: {type(error).__name__}", "give the hub's user the right to read it")]
    if newest is None:
        return [Finding("files", False, f"nothing at {form.files}", "check the path, and that the PBX writes there")]
    try:
        stat, text = newest.stat(), _end(newest, whole=form.format not in reading.LINES)
    except OSError as error:
        return [Finding("files", False, f"{newest}: {type(error).__name__}", "give the hub's user the right to read it")]
    age = max(0.0, time.time() - stat.st_mtime)
    lively = Finding(
        "last-line", age < _OLD_DAYS * 86_400, f"written {_ago(age)} ago", "" if age < 3_600 else "is this the log in use?"
    )
    return [Finding("files", True, str(newest)), lively, *_content(form, text)]


def _newest(form: CallInboxSettings) -> Path | None:
    if form.format in reading.LINES:
        found = [path for path in these_logs(form.files or "") if path.exists()]
    else:
        folder, pattern = of_folder(form)
        found = [path for path in folder.glob(pattern) if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def _end(path: Path, *, whole: bool) -> bytes:
    """The last lines, after the first line if that may be a header; or all of a document."""
    with path.open("rb") as file:
        first = file.readline(_TAIL)
        size = path.stat().st_size
        if whole or size <= _TAIL:
            return first + file.read(4 * 1024 * 1024)
        file.seek(size - _TAIL)
        return first + file.read().partition(b"\n")[2]


def _content(form: CallInboxSettings, text: bytes) -> list[Finding]:
    try:
        found: Reading = read(form, raw_of(form, text))
    except PayvandError as error:
        return [Finding("format", False, error.message, error.hint or "")]
    faults: list[Fault] = found.faults
    told = len(found.calls) + len(found.skips)
    ok = told > len(faults)
    findings = [
        Finding(
            "format",
            ok,
            f"{told} read, {len(faults)} not",
            "" if ok else f"is it {form.format}? a line {faults[0].message}" if faults else "",
        )
    ]
    if found.calls:
        ahead = max(call.began for _, call in found.calls) - time.time()
        plausible = ahead < _AHEAD_SECONDS
        hint = "" if plausible else "calls begin in the future: check zone and the PBX's clock"
        findings.append(Finding("clock", plausible, f"the newest call began {_ago(-ahead)} ago" if ahead < 0 else "", hint))
    return findings


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
