"""A simulated Asterisk: it writes the queue log and the CDR of its calls as they happen, and rotates both as logrotate does."""

import asyncio
import csv
import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

DID = "982188001234"
_KEPT = 5


@dataclass(frozen=True, slots=True)
class Ring:
    """One call to come: who calls which queue, how long they wait (seconds), and with whom they talk how long, if at all."""

    caller: str
    queue: str
    wait: float
    talk: float = 0
    agent: str = ""
    name: str = ""


class Pbx:
    """Writes `queue_log` and `Master.csv` in a folder, whole lines each. Times in the CDR are UTC."""

    def __init__(self, folder: Path, rotate_bytes: int = 64 * 1024) -> None:
        self.queue_log = folder / "queue_log"
        self.cdr = folder / "Master.csv"
        self._rotate_bytes = rotate_bytes
        self._numbers = count(1)
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self) -> None:
        """The PBX starts."""
        self._log("NONE", "NONE", "NONE", "QUEUESTART", "")

    async def ring(self, ring: Ring, pace: float = 1.0) -> str:
        """One call from beginning to end, its seconds shortened by `pace`; gives its unique id."""
        began = time.time()
        unique = f"{began:.0f}.{next(self._numbers)}"
        self._log(unique, ring.queue, "NONE", "DID", DID)
        self._log(unique, ring.queue, "NONE", "ENTERQUEUE", "", ring.caller, 1)
        await asyncio.sleep(ring.wait * pace)
        waited = round(ring.wait)
        if ring.talk:
            self._log(unique, ring.queue, ring.agent, "CONNECT", waited, f"{unique}0", min(waited, 5))
            await asyncio.sleep(ring.talk * pace)
            self._log(unique, ring.queue, ring.agent, "COMPLETECALLER", waited, round(ring.talk), 1)
        else:
            self._log(unique, ring.queue, "NONE", "ABANDON", 1, 1, waited)
        self._record(ring, unique, began)
        return unique

    def _log(self, unique: str, queue: str, agent: str, event: str, *data: object) -> None:
        fields = (f"{time.time():.0f}", unique, queue, agent, event, *map(str, data))
        self._append(self.queue_log, "|".join(fields))

    def _record(self, ring: Ring, unique: str, began: float) -> None:
        start, billed = datetime.fromtimestamp(began, UTC), round(ring.wait + ring.talk)
        end = datetime.fromtimestamp(began + billed, UTC)
        shown, there = f'"{ring.name or ring.caller}" <{ring.caller}>', f"{ring.agent}-{unique[-8:]}" if ring.talk else ""
        row = ["", ring.caller, DID, "from-trunk", shown, f"PJSIP/trunk-{unique[-8:]}", there, "Queue", f"{ring.queue},t"]
        row += [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (start, start, end)]
        row += [str(billed), str(billed), "ANSWERED", "DOCUMENTATION", unique, ""]
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow(row)
        self._append(self.cdr, text.getvalue())

    def _append(self, path: Path, line: str) -> None:
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")
            full = file.tell() >= self._rotate_bytes
        if full:
            self.rotate(path)

    def rotate(self, path: Path) -> None:
        """Rename it and begin anew, with the oldest dropped."""
        for number in range(_KEPT - 1, 0, -1):
            old = path.with_name(f"{path.name}.{number}")
            if old.exists():
                old.rename(path.with_name(f"{path.name}.{number + 1}"))
        path.rename(path.with_name(f"{path.name}.1"))
        path.touch()
