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


def seeds() -> list[bytes]:
    """Whole mails to begin with."""
    found = sorted(FIXTURES.glob("*.eml"))
    spec = importlib.util.find_spec("test.test_email")
    if spec is not None and spec.origin is not None:
        found += sorted((Path(spec.origin).parent / "data").glob("*.txt"))
    return [path.read_bytes() for path in found]


def damaged(random_: random.Random, whole: list[bytes]) -> bytes:
    """One mail with one to eight wounds: cut, doubled, spliced with another, bits flipped, pieces put in."""
    mail = bytearray(random_.choice(whole))
    for _ in range(random_.randint(1, 8)):
        place = random_.randrange(len(mail) + 1)
        match random_.randrange(6):
            case 0:
                del mail[place : place + random_.randint(1, 200)]
            case 1:
                mail[place:place] = mail[place : place + random_.randint(1, 400)] * random_.randint(1, 4)
            case 2:
                other = random_.choice(whole)
                mail[place:] = other[random_.randrange(len(other) + 1) :]
            case 3 if mail:
                for _ in range(random_.randint(1, 20)):
                    mail[random_.randrange(len(mail))] = random_.randrange(256)
            case 4:
                mail[place:place] = random_.choice(PIECES) * random_.choice((1, 1, 1, 30))
            case _:
                mail[place:place] = random_.randbytes(random_.randint(1, 60))
    return bytes(mail)


def inputs(count: int, seed: int) -> Iterator[bytes]:
    """The same ones for the same seed."""
    random_ = random.Random(seed)  # noqa: S311
    whole = seeds()
    return (damaged(random_, whole) for _ in range(count))


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
