"""From the bytes of a mail to an interaction.

What may be wrong with mail from outside, and the caps against it, stand in structure.py; who is believed, in README.md.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from channels.addresses import mailbox
from channels.base import Arrival, Parsed, RawInput, Rejection
from channels.email.addresses import Mailbox, first_mailbox
from channels.email.bodies import Content, content_of
from channels.email.charsets import decode_words, eight_bit
from channels.email.marks import automatic, verdicts
from channels.email.message_ids import delivery_of, provider_id, references
from channels.email.reports import is_report, receipt_of
from channels.email.settings import EmailInboxSettings
from channels.email.structure import Limits, Mail, Unreadable, take_apart
from channels.language import guess_language
from channels.text import one_line
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.values import Identifier, IdentifierType, Sender, ThreadRef, Trust

_OLDEST = timedelta(days=7)


class EmailInbound:
    """Reads RFC 5322 mail. `RawInput.headers` is the SMTP envelope: `mail-from` (`<>` for the null sender) and `rcpt-to`."""

    def __init__(self, settings: EmailInboxSettings) -> None:
        self._settings = settings
        self._limits = Limits(size=settings.max_size)

    def verify(self, raw: RawInput) -> None:
        """Mail carries no secret of ours; what can be held is that its envelope names this inbox."""
        recipient = raw.headers.get("rcpt-to", "")
        if not self._settings.accepts(recipient):
            raise NotVerified("the mail is not addressed to this inbox", field="rcpt-to", hint=f"inbox {self._settings.inbox}")

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival, one receipt (a bounce), or one rejection. Takes up to seconds for a hostile 25 MB mail: keep it off
        the loop.
        """
        try:
            mail = take_apart(raw.body, self._limits)
            return self._read(raw, mail)
        except Unreadable as problem:
            return Parsed(rejections=(Rejection(problem.code, problem.message),))
        except Exception as problem:
            # Totality: whatever the library trips over is kept, with its kind, not lost.
            return Parsed(rejections=(Rejection("unreadable", f"not a readable RFC 5322 mail ({type(problem).__name__})"),))

    def _read(self, raw: RawInput, mail: Mail) -> Parsed:
        if is_report(mail.root):
            receipt = receipt_of(mail.root, raw.received_at)
            if receipt is not None:
                return Parsed(receipts=(receipt,))
        author = self._author(raw, mail)
        own = provider_id(mail, raw.body)
        ours = own.endswith(f"@{self._settings.domain}") and delivery_of(own) is not None
        if ours or self._settings.accepts(author.address):
            raise Unreadable("loop", "the mail comes from this inbox itself")
        digest = hashlib.sha256(own.encode("utf-8", "surrogateescape")).hexdigest()
        content = content_of(mail.root, f"{self._settings.inbox}/{digest[:32]}")
        return Parsed(arrivals=(Arrival(own, self._interaction(raw, mail, author, content), tuple(content.files)),))

    def _author(self, raw: RawInput, mail: Mail) -> Mailbox:
        named = mail.headers.get("from", [])
        author = first_mailbox(eight_bit(named[0][:8_000])) if named else None
        if author is not None:
            return author
        envelope = mailbox(raw.headers.get("mail-from", "").strip("<>"))
        if envelope is None:
            raise Unreadable("no-sender", "From must name one author, such as Sara <sara@example.org>")
        return Mailbox(envelope, "")

    def _interaction(self, raw: RawInput, mail: Mail, author: Mailbox, content: Content) -> InteractionReceived:
        judged = verdicts(mail, self._settings.trusted_authserv)
        single = len(mail.headers.get("from", [])) == 1 and first_mailbox(eight_bit(mail.first("from"))) is not None
        trust = Trust.VERIFIED if judged.get("dmarc") == "pass" and single else Trust.ASSERTED
        subject = one_line(decode_words(mail.first("subject")), 998)
        return InteractionReceived(
            inbox=self._settings.inbox,
            channel="email",
            sender=Sender(
                identifiers=(Identifier(type=IdentifierType.EMAIL, value=author.address, trust=trust),),
                display_name=one_line(decode_words(author.phrase), 200) or None,
            ),
            occurred_at=_occurred(mail, raw.received_at),
            text=content.text,
            language=guess_language(content.text) or guess_language(subject),
            thread=ThreadRef(references=references(mail, provider_id(mail, raw.body)), subject=subject or None),
            attachments=tuple(found.attachment for found in content.files),
            attributes=_attributes(raw, mail, content, judged),
        )


def _attributes(raw: RawInput, mail: Mail, content: Content, judged: dict[str, str]) -> dict[str, str]:
    answer_to = first_mailbox(eight_bit(mail.first("reply-to")[:8_000])) if mail.first("reply-to") else None
    found = {
        "auto": automatic(mail, raw.headers.get("mail-from", "")),
        "to": one_line(raw.headers.get("rcpt-to", ""), 320),
        "reply-to": answer_to.address if answer_to else "",
        "files-left-out": str(content.dropped) if content.dropped else "",
        **judged,
    }
    return {name: value for name, value in found.items() if value}


def _occurred(mail: Mail, received_at: datetime) -> datetime:
    """The Date header where it can be true: not in the future, not older than a week; else the time of receipt."""
    try:
        written = parsedate_to_datetime(mail.first("date")[:100])
        written = written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return received_at
    return written if received_at - _OLDEST <= written <= received_at else received_at
