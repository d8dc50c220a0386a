"""How fast mail is parsed, on one core: bytes to an interaction, nothing stored. Run: python -m bench.email_parse

The mix is that of a support address: short plain answers with quoted history, HTML with a plain twin, HTML alone, old charsets,
now and then a file. Every mail is different, and each is parsed as a receiver does it, `verify` included.
"""

import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from channels.base import RawInput
from channels.email.inbound import EmailInbound
from channels.email.settings import EmailInboxSettings

COUNT = 2_000
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ENVELOPE = {"mail-from": "sara@example.org", "rcpt-to": "support@shop.example"}
PERSIAN = "سلام، سفارش شماره ۱۲۳۴ من هنوز نرسیده است. لطفاً پیگیری کنید؛ می‌خواهم بدانم کجاست. "
RUSSIAN = "Здравствуйте! Мой заказ 1234 до сих пор не пришёл. Подскажите, пожалуйста, где он. "
ENGLISH = "Hello, my order 1234 has not arrived yet. Can you tell me where it is, please? "
TRACE = (
    "from mail-wr1-f{0}.example.org (mail-wr1-f{0}.example.org [192.0.2.{0}]) by mx.shop.example with ESMTPS id {1};"
    " Mon, 02 Nov 2026 11:59:00 +0000"
)


def _mail(random_: random.Random, text: str) -> EmailMessage:
    """The headers that real mail carries, trace and signature included."""
    number = random_.getrandbits(48)
    mail = EmailMessage(policy=SMTP)
    for hop in range(3):
        mail["Received"] = TRACE.format(hop + 10, f"{number:x}{hop}")
    mail["DKIM-Signature"] = f"v=1; a=rsa-sha256; d=example.org; s=s1; h=from:to:subject; bh={'A' * 43}=; b={'b' * 340}"
    mail["Authentication-Results"] = "mx.shop.example; spf=pass smtp.mailfrom=example.org; dkim=pass; dmarc=pass"
    mail["From"], mail["To"] = f"{text[:10].strip(' ,!')} <c{number % 5_000}@example.org>", "support@shop.example"
    mail["Subject"], mail["Message-ID"] = f"Re: {text[:40].strip()} {number % 97}", f"<{number:x}@mail.example.org>"
    mail["Date"] = "Mon, 02 Nov 2026 11:58:00 +0000"
    mail["In-Reply-To"] = mail["References"] = f"<{number + 1:x}@shop.example>"
    return mail


def plain(random_: random.Random) -> bytes:
    """An answer above the history it quotes."""
    text = random_.choice((PERSIAN, RUSSIAN, ENGLISH, ENGLISH))
    mail = _mail(random_, text)
    quoted = "\n".join(f"> {text}" for _ in range(12))
    said = text * random_.randint(1, 4)
    mail.set_content(f"{said}\n\nOn Mon, 2 Nov 2026 at 10:00, Support <support@shop.example> wrote:\n{quoted}\n")
    return mail.as_bytes()


def html(random_: random.Random, *, twin: bool = False) -> bytes:
    """What web mailers and Outlook write: tables, styles, quoted history; mostly with a plain twin."""
    text = random_.choice((PERSIAN, RUSSIAN, ENGLISH))
    mail = _mail(random_, text)
    rows = "".join(f'<tr><td style="padding:4px;font:13px Arial">{text}</td><td>{row}</td></tr>' for row in range(8))
    page = (
        f"<html><head><style>p{{margin:0}}</style></head><body dir=auto><div>{text}</div><p>{text}<br>{text}</p><table>{rows}"
        f'</table><br><div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div><blockquote>{rows}</blockquote></div>'
    )
    if twin:
        mail.set_content(text * 3)
        mail.add_alternative(page, subtype="html")
    else:
        mail.set_content(page, subtype="html")
    return mail.as_bytes()


def with_twin(random_: random.Random) -> bytes:
    """multipart/alternative."""
    return html(random_, twin=True)


def with_file(random_: random.Random) -> bytes:
    """A photograph or a PDF of 20 to 150 kB."""
    mail = _mail(random_, ENGLISH)
    mail.set_content(ENGLISH)
    mail.add_attachment(
        random_.randbytes(random_.randint(20_000, 150_000)), maintype="image", subtype="jpeg", filename="فاکتور.jpg"
    )
    return mail.as_bytes()


def old(random_: random.Random) -> bytes:
    """Eight-bit text in an old charset, half of it without a label."""
    charset, text = random_.choice(
        (("windows-1251", RUSSIAN), ("koi8-r", RUSSIAN), ("windows-1256", "سلام، سفارش من نرسيده است. "))
    )
    label = f"; charset={charset}" if random_.random() < 0.5 else ""
    head = f"From: a{random_.getrandbits(20)}@example.org\r\nMessage-ID: <{random_.getrandbits(64):x}@x.example>\r\n"
    return f"{head}Content-Type: text/plain{label}\r\n\r\n".encode() + (text * 6).encode(charset)


MIX: tuple[tuple[Callable[[random.Random], bytes], int], ...] = (
    (plain, 40), (with_twin, 30), (html, 15), (old, 7), (with_file, 8),
)  # fmt: skip


def timed(mails: list[bytes]) -> float:
    """Messages a second of process time."""
    inbound = EmailInbound(EmailInboxSettings(inbox="support", address="support@shop.example"))
    began = time.process_time()
    for mail in mails:
        raw = RawInput(mail, NOW, ENVELOPE)
        inbound.verify(raw)
        assert inbound.parse(raw).arrivals
    return len(mails) / (time.process_time() - began)


def yardstick() -> float:
    """Seconds that tell how fast the machine is just now."""
    began = time.process_time()
    for _ in range(1_000_000):
        pass
    return time.process_time() - began


def main() -> None:
    """Print the mix as a whole, then each kind by itself."""
    random_ = random.Random(7)  # noqa: S311
    makers, weights = [maker for maker, _ in MIX], [weight for _, weight in MIX]
    mails = [maker(random_) for maker in random_.choices(makers, weights, k=COUNT)]
    timed(mails[:200])
    print(f"yardstick: an empty loop of 1,000,000 takes {yardstick() * 1_000:.0f} ms")
    print(f"{COUNT:,} mails of {sum(map(len, mails)) / COUNT / 1024:,.1f} kB on average, one core")
    print(f"{'the mix':<12}{timed(mails):>8,.0f} messages/s")
    for maker, _ in MIX:
        print(f"{maker.__name__:<12}{timed([maker(random_) for _ in range(500)]):>8,.0f} messages/s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
