"""Whether any bytes can hurt the mail parser: seeded damage to real mails. Run: python -m bench.email_fuzz --count 100000

The seeds are the committed fixtures and, where this Python brings them, the mails that test Python itself. Each input must
give arrivals, receipts, keywords or named rejections; anything else ends the run with code 1. Prints peak memory and the
slowest input.
"""

import argparse
import importlib.util
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.wounds import Wounds
from channels.base import Parsed, RawInput
from channels.email.inbound import EmailInbound
from channels.email.settings import EmailInboxSettings

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures" / "email"
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ENVELOPE = {"mail-from": "sara@example.org", "rcpt-to": "support@shop.example"}
PIECES = (
    b"Content-Type: multipart/mixed; boundary=x\n",
    b"Content-Type: text/html; charset=gb2312\n",
    b"--x\n",
    b"--x--\n",
    b"\n\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: x-uuencode\n",
    b"=?utf-8?b?",
    b"?=",
    b"=?x?q?=ff?=",
    b"filename*0*=utf-8''%ff",
    b"; charset=utf-16",
    b"; charset*=x'y'%zz",
    b"<",
    b">",
    b'"',
    b"(",
    b"\\",
    b"@",
    b"\x00",
    b"\xff\xfe",
    b"\x80",
    b"\r",
    b"From: ",
    b"<div><blockquote>",
    b"&#x110000;",
    b"<![CDATA[",
    b"\xed\xa0\x80",
    "پ\u200cی".encode(),
    b"A" * 5_000,
    b"begin 644 x\n",
    b"Date: Fri, 99 Xxx 99999 99:99:99 +9999\n",
    b"Reply-To: <a@b>\n",
)
WOUNDS = Wounds(PIECES)


def seeds() -> list[bytes]:
    """Whole mails to begin with."""
    found = sorted(FIXTURES.glob("*.eml"))
    spec = importlib.util.find_spec("test.test_email")
    if spec is not None and spec.origin is not None:
        found += sorted((Path(spec.origin).parent / "data").glob("*.txt"))
    return [path.read_bytes() for path in found]


def inputs(count: int, seed: int) -> Iterator[bytes]:
    """The same ones for the same seed."""
    random_ = random.Random(seed)  # noqa: S311
    whole = seeds()
    return (WOUNDS.hurt(random_, whole) for _ in range(count))


def outcome(found: Parsed) -> str:
    """One word for what came of an input; `nothing` must never be."""
    if found.rejections:
        return found.rejections[0].code
    return "arrival" if found.arrivals else "receipt" if found.receipts else "keyword" if found.keywords else "nothing"


def main() -> None:
    """Print what came of the inputs."""
    options = argparse.ArgumentParser(description="Damaged mails into the parser.")
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    inbound = EmailInbound(
        EmailInboxSettings(inbox="support", address="support@shop.example", trusted_authserv="mx.shop.example")
    )
    outcomes: Counter[str] = Counter()
    slowest, began = 0.0, time.process_time()
    for mail in inputs(given.count, given.seed):
        start = time.process_time()
        outcomes[outcome(inbound.parse(RawInput(mail, NOW, ENVELOPE)))] += 1
        slowest = max(slowest, time.process_time() - start)
    print(f"{given.count:,} inputs, seed {given.seed}: {time.process_time() - began:,.0f} s, slowest {slowest * 1_000:,.0f} ms")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    for name, times in outcomes.most_common():
        print(f"{times:>9,} {name}")
    sys.exit(bool(outcomes["nothing"]))


if __name__ == "__main__":
    main()
