"""How fast call logs are read, on one core: lines joined into calls, each made an interaction, nothing stored.

As a service does it, its memory settings included: the joiner gathers each call's lines, the inbox's own parser reads them.
Beside each figure stands the time of an empty loop, taken before and after: on a machine that is slow just now both are.
Run: python -m bench.call_logs
"""

import gc
import io
import random
import resource
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from channels.base import RawInput
from channels.calls.inbound import CallInbound
from channels.calls.joining import CAPACITY, NEARBY, Joiner, Line
from channels.calls.reading import of_lines
from channels.calls.settings import CallInboxSettings, FormatName
from channels.calls.source import bodies

LINES = 100_000
QUIET = 0.020
"""Seconds that the yardstick takes where nothing else runs on the machine of docs/benchmarks.md."""
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def queue_log(count: int) -> bytes:
    """Calls that overlap, as in a centre with some dozens of agents: four to five lines a call, a third abandoned."""
    chance = random.Random(7)  # noqa: S311
    events: list[tuple[float, str]] = []
    base, number = START.timestamp(), 0
    while len(events) < count:
        number += 1
        base += chance.expovariate(0.5)
        unique, queue, waited = f"{base:.0f}.{number}", chance.choice(("support", "sales", "vip")), chance.uniform(2, 90)
        caller = f"+9891{chance.randrange(10**8):08}"
        events += [(base, f"{unique}|{queue}|NONE|DID|982188001234"), (base, f"{unique}|{queue}|NONE|ENTERQUEUE||{caller}|1")]
        if chance.random() < 0.3:
            events.append((base + waited, f"{unique}|{queue}|NONE|ABANDON|1|1|{waited:.0f}"))
            continue
        talked, agent = chance.uniform(20, 400), f"PJSIP/{chance.randrange(1000, 1050)}"
        if chance.random() < 0.4:
            events.append((base + waited / 2, f"{unique}|{queue}|PJSIP/1001|RINGNOANSWER|15000"))
        events.append((base + waited, f"{unique}|{queue}|{agent}|CONNECT|{waited:.0f}|{unique}0|4"))
        events.append((base + waited + talked, f"{unique}|{queue}|{agent}|COMPLETECALLER|{waited:.0f}|{talked:.0f}|1"))
    events.sort(key=lambda event: event[0])
    return "".join(f"{at:.0f}|{text}\n" for at, text in events).encode()


def master_csv(count: int) -> bytes:
    """One record a call in two thirds of them, else two."""
    chance = random.Random(7)  # noqa: S311
    out, at, written = io.StringIO(), START, 0
    while written < count:
        at += timedelta(seconds=chance.uniform(0, 3))
        unique, caller = f"{at.timestamp():.0f}.{written}", f"0912{chance.randrange(10**7):07}"
        for leg in range(1 + (chance.random() < 0.3)):
            talked = chance.randrange(0, 300) if leg or chance.random() < 0.7 else 0
            end = at + timedelta(seconds=20 + talked)
            state, there = ("ANSWERED", f"PJSIP/1001-{written:08x}") if talked else ("NO ANSWER", "")
            out.write(
                f'"","{caller}","600","from-trunk","""Caller"" <{caller}>","PJSIP/trunk-{written:08x}","{there}",'
                f'"Queue","support,t",'
                f'"{at:%Y-%m-%d %H:%M:%S}","{at:%Y-%m-%d %H:%M:%S}","{end:%Y-%m-%d %H:%M:%S}",{20 + talked},{talked},"{state}",'
                f'"DOCUMENTATION","{unique}",""\n'
            )
            written += 1
    return out.getvalue().encode()


def measured(format: FormatName, log: bytes) -> tuple[float, int]:
    """Seconds of one core for the whole log, and the calls found."""
    form = CallInboxSettings(inbox="line", format=format, secret=SecretStr("x" * 32), zone="Asia/Tehran")
    inbound, joiner = (
        CallInbound(form),
        Joiner[int](of_lines(form), form.settle_seconds, 14_400.0, CAPACITY.get(format, NEARBY)),
    )
    now, calls = START + timedelta(days=3), 0
    began = time.process_time()
    lines = log.splitlines()
    for first in range(0, len(lines), 5_000):
        for number, text in enumerate(lines[first : first + 5_000], first):
            joiner.feed(Line(number, text), 0.0)
        for body in bodies(joiner.take(0.0)):
            calls += len(inbound.parse(RawInput(body, now)).arrivals)
    for body in bodies(joiner.take_all()):
        calls += len(inbound.parse(RawInput(body, now)).arrivals)
    return time.process_time() - began, calls


def yardstick() -> float:
    """Seconds of one core for an empty loop of 1,000,000: how fast the machine is just now."""
    began = time.process_time()
    for _ in range(1_000_000):
        pass
    return time.process_time() - began


def best(format: FormatName, log: bytes) -> tuple[float, float, int]:
    """Of five turns the one that was best for its yardstick: seconds, the yardstick around it, the calls found."""
    turns = []
    for _ in range(5):
        before = yardstick()
        seconds, calls = measured(format, log)
        turns.append((seconds, (before + yardstick()) / 2, calls))
    return min(turns, key=lambda turn: turn[0] / turn[1])


def main() -> None:
    """Print one line per format: as measured, and as it would be on a quiet machine."""
    # As runtime.service.main sets it for every service.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    logs: tuple[tuple[FormatName, bytes], ...] = (("queue_log", queue_log(LINES)), ("asterisk-cdr", master_csv(LINES)))
    for format, log in logs:
        count = log.count(b"\n")
        measured(format, log[: len(log) // 20])
        seconds, loop, calls = best(format, log)
        tracemalloc.start()
        measured(format, log[: len(log) // 10])
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(
            f"{format:<13}{count / seconds:>9,.0f} lines/s while the yardstick takes {loop * 1_000:.0f} ms; "
            f"{count / seconds * loop / QUIET:,.0f} were it {QUIET * 1_000:.0f} ms\n"
            f"{'':<13}{count:,} lines, {calls:,} calls; a tenth of it takes {peak:.0f} MB"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
