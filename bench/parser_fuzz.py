"""Whether any bytes can hurt a channel's parser: seeded damage to what the fixtures hold.

Run: python -m bench.parser_fuzz --count 100000 [--channel telegram]. Mail has its own, bench/email_fuzz.py.

Each input is proved true as the provider would prove it, so that parsing is reached. It must give something or nothing that
means something; an exception ends the run with code 1 and shows the input. Prints the outcomes, the slowest input and the
peak memory, which holds the interpreter and the libraries too.
"""

import argparse
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from bench.wounds import Wounds
from channels.base import Parsed

# The example of a channel outside channels/, as pytest finds it.
sys.path.append(str(Path(__file__).parents[1] / "docs" / "examples" / "payvand-channel-courier" / "src"))

from tests.contract.cases import CASES, Case

PIECES: tuple[bytes, ...] = (
    *(bytes([one]) for one in b'{}[]",:|&=%<>\x00\x80\n'),
    *(b"%00", b"%zz", b"\\u0000", b"\\ud800", b"null", b"true", b"-1", b"1e999", b"99999999999999999999"),
    *(b"\xff\xfe", b"\r\n", b"<!DOCTYPE a [", b"<!ENTITY a 'b'>", b"&a;", b"]]>", b"\xed\xa0\x80"),
    *(b"ENTERQUEUE", b"CONNECT", b"COMPLETECALLER", b"ABANDON", b"[" * 200, b'{"a":' * 200, b"A" * 5_000),
    "پ\u200cی\u202e".encode(),
    "\U0001f468\u200d\U0001f469".encode(),
)
WOUNDS = Wounds(PIECES, most=6, cut=80, doubled=200, flipped=8)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 2**70, 1e308, 0.1),
    *("", "x" * 70_000, "\x00", "\u202e\u200c", "1", "١٢٣"),
    *([], {}, [[]], [None], {"": None}),
)


def bent(random_: random.Random, value: Any) -> Any:
    """JSON of the same shape in which about one place in ten holds something odd, or nothing."""
    if random_.random() < 0.05:
        return random_.choice(ODD)
    if isinstance(value, dict):
        return {name: bent(random_, one) for name, one in value.items() if random_.random() > 0.05}
    if isinstance(value, list):
        return [bent(random_, one) for one in value] * random_.choice((1, 1, 1, 1, 2))
    return value


def damaged(random_: random.Random, whole: list[bytes]) -> bytes:
    """A document of JSON bent in half of all cases, else bytes with wounds."""
    body = random_.choice(whole)
    if random_.random() < 0.5 and body.lstrip().startswith(b"{"):
        try:
            return to_json(bent(random_, from_json(body)))
        except ValueError:
            pass
    return WOUNDS.hurt(random_, whole)


def inputs(case: Case, count: int, seed: int) -> Iterator[bytes]:
    """The same ones for the same seed."""
    random_ = random.Random(seed)  # noqa: S311 - not a secret
    whole = [path.read_bytes() for path in case.fixtures()]
    return (damaged(random_, whole) for _ in range(count))


def outcome(found: Parsed) -> str:
    """One word for what came of an input."""
    if found.rejections:
        return found.rejections[0].code
    named = {"arrival": found.arrivals, "receipt": found.receipts, "keyword": found.keywords, "amendment": found.amendments}
    return next((name for name, those in named.items() if those), "nothing to keep")


def run(name: str, case: Case, count: int, seed: int) -> bool:
    """Print what came of the inputs of one channel; false when one raised."""
    inbound = case.inbound
    outcomes: Counter[str] = Counter()
    slowest, began = 0.0, time.process_time()
    for body in inputs(case, count, seed):
        raw = case.wrap(body)
        start = time.process_time()
        try:
            found = inbound.parse(raw)
        except Exception as error:
            print(f"{name}: {type(error).__name__} on {body!r}")
            return False
        outcomes[outcome(found)] += 1
        slowest = max(slowest, time.process_time() - start)
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {count:,} inputs, seed {seed}: {took:,.0f} s, slowest {slowest * 1_000:,.1f} ms, peak memory {peak:,.0f} MB"
    )
    for word, times in outcomes.most_common():
        print(f"{times:>9,} {word}")
    return True


def main() -> None:
    """Every channel but mail, or the one named."""
    options = argparse.ArgumentParser(description="Damaged input into the channels' parsers.")
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--channel", choices=sorted(CASES), default=None)
    given = options.parse_args()
    chosen = [given.channel] if given.channel else [name for name in sorted(CASES) if name != "email"]
    harmed = [name for name in chosen if not run(name, CASES[name], given.count, given.seed)]
    sys.exit(bool(harmed))


if __name__ == "__main__":
    main()
