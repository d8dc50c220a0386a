"""From the bytes of a mail to an interaction.

What may be wrong with mail from outside, and the caps against it, stand in structure.py; who is believed, in README.md.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from channels.addresses import mailbox
from channels.base import Arrival, KeywordFound, Parsed, RawInput, Rejection
from channels.email import unsubscribing
from channels.email.addresses import Mailbox, first_mailbox
from channels.email.bodies import Content, content_of
from channels.email.charsets import decode_words, eight_bit
from channels.email.marks import automatic, looped, verdicts
from channels.email.message_ids import delivery_of, provider_id, references
from channels.email.reports import complainer, free_form_receipt, kind_of, receipt_of
from channels.email.settings import EmailInboxSettings
from channels.email.structure import Limits, Mail, Unreadable, take_apart
from channels.email.tags import read
from channels.keywords import keyword_of
from channels.language import guess_language
from channels.text import one_line
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.replies import Keyword
from schemas.values import Identifier, IdentifierType, Language, Sender, ThreadRef, Trust

_OLDEST = timedelta(days=7)
_TELLING = 400
_RECIPIENTS = ("delivered-to", "x-original-to", "to", "cc")


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, whether one From names exactly them, and the mail's own id."""

    mailbox: Mailbox
    single: bool
    own: str


class EmailInbound:
    """Reads RFC 5322 mail, and one-click unsubscribing where there is a URL.

    `RawInput.headers` is the SMTP envelope: `mail-from` (`<>` for the null sender; without it Return-Path stands) and
    `rcpt-to`. `size` says how many bytes the mail has when the body is only its head.
    """

    def __init__(self, settings: EmailInboxSettings) -> None:
        self._settings = settings
        self._limits = Limits(size=settings.max_size)

    def verify(self, raw: RawInput) -> None:
        """Mail carries no secret of ours; what can be held is that its envelope names this inbox. What comes over the web is a
        click on our own signed link, or refused.
        """
        if raw.url:
            unsubscribing.verify(self._settings, raw)
            return
        recipient = raw.headers.get("rcpt-to", "")
        if not self._settings.accepts(recipient):
            raise NotVerified("the mail is not addressed to this inbox", field="rcpt-to", hint=f"inbox {self._settings.inbox}")

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival (with a keyword, when it is one), one receipt (a bounce), one keyword (a complaint, a click), or one
        rejection.

        Takes up to seconds for a hostile 25 MB mail: keep it off the loop.
        """
        if raw.url:
            return unsubscribing.parse(self._settings, raw)
        try:
            self._small_enough(raw)
            mail = take_apart(raw.body, self._limits)
            return self._reported(raw, mail) or self._read(raw, mail)
        except Unreadable as problem:
            return Parsed(rejections=(Rejection(problem.code, problem.message),))
        except Exception as problem:
            # Totality: whatever the library trips over is kept, with its kind, not lost.
            return Parsed(rejections=(Rejection("unreadable", f"not a readable RFC 5322 mail ({type(problem).__name__})"),))

    def _small_enough(self, raw: RawInput) -> None:
        size = raw.headers.get("size", "")
        if size.isdecimal() and len(size) < 16 and int(size) > self._limits.size:
            raise Unreadable("too-large", f"a mail may have at most {self._limits.size} bytes, not {size}; its head is kept")

    def _reported(self, raw: RawInput, mail: Mail) -> Parsed | None:
        """What a mail system tells of a mail of ours; None for any other mail."""
        kind = kind_of(mail.root)
        told = read(self._settings, "d", f"{raw.headers.get('rcpt-to', '')} {_recipients(mail)}")
        if kind == "feedback-report":
            address = complainer(mail.root)
            return Parsed(keywords=(self._keyword(raw, mail, address, "stop", None),)) if address else None
        if kind == "delivery-status":
            receipt = receipt_of(mail.root, raw.received_at, told)
        else:
            receipt = free_form_receipt(mail, raw.body, raw.received_at, told)
        return Parsed(receipts=(receipt,)) if receipt else None

    def _read(self, raw: RawInput, mail: Mail) -> Parsed:
        settings = self._settings
        author, single = self._author(raw, mail)
        own = provider_id(mail, raw.body)
        ours = own.endswith(f"@{settings.domain}") and delivery_of(own) is not None
        if ours or settings.accepts(author.address) or looped(mail, (settings.address, *settings.aliases)):
            raise Unreadable("loop", "the mail comes from this inbox itself")
        digest = hashlib.sha256(own.encode("utf-8", "surrogateescape")).hexdigest()
        content = content_of(mail.root, f"{settings.inbox}/{digest[:32]}")
        interaction = self._interaction(raw, mail, Author(author, single, own), content)
        asked = _asked(interaction)
        if asked is None:
            return Parsed(arrivals=(Arrival(own, interaction, tuple(content.files)),))
        interaction = interaction.model_copy(update={"needs_answer": False})
        keyword = self._keyword(raw, mail, author.address, *asked)
        return Parsed(arrivals=(Arrival(own, interaction, tuple(content.files)),), keywords=(keyword,))

    def _author(self, raw: RawInput, mail: Mail) -> tuple[Mailbox, bool]:
        """Who wrote, and whether there is one From that names exactly them."""
        named = mail.headers.get("from", [])
        author = first_mailbox(eight_bit(named[0][:8_000])) if named else None
        if author is not None:
            return author, len(named) == 1
        envelope = mailbox(_envelope_from(raw, mail).strip("<>"))
        if envelope is None:
            raise Unreadable("no-sender", "From must name one author, such as Sara <sara@example.org>")
        return Mailbox(envelope, ""), False

    def _interaction(self, raw: RawInput, mail: Mail, author: Author, content: Content) -> InteractionReceived:
        judged = verdicts(mail, self._settings.trusted_authserv)
        trust = Trust.VERIFIED if judged.get("dmarc") == "pass" and author.single else Trust.ASSERTED
        subject = one_line(decode_words(mail.first("subject")), 998)
        conversation = read(self._settings, "c", f"{raw.headers.get('rcpt-to', '')} {_recipients(mail)}")
        auto = automatic(mail, _envelope_from(raw, mail))
        return InteractionReceived(
            inbox=self._settings.inbox,
            channel="email",
            sender=Sender(
                identifiers=(Identifier(type=IdentifierType.EMAIL, value=author.mailbox.address, trust=trust),),
                display_name=one_line(decode_words(author.mailbox.phrase), 200) or None,
            ),
            occurred_at=_occurred(mail, raw.received_at),
            text=content.text,
            language=guess_language(content.text[:_TELLING]) or guess_language(subject),
            thread=ThreadRef(references=references(mail, author.own, conversation), subject=subject or None),
            attachments=tuple(found.attachment for found in content.files),
            needs_answer=not auto,
            attributes=_attributes(raw, mail, content, judged | {"auto": auto}),
        )

    def _keyword(self, raw: RawInput, mail: Mail, address: str, keyword: Keyword, language: Language | None) -> KeywordFound:
        sender = Identifier(type=IdentifierType.EMAIL, value=address)
        return KeywordFound(provider_id(mail, raw.body), keyword, sender, raw.received_at, language)


def _asked(interaction: InteractionReceived) -> tuple[Keyword, Language | None] | None:
    """STOP or START as the whole text, or as the subject above nothing. HELP is a question for a person here, and a word that
    may cancel an order is, too.

    Not from a machine, nor from a sender that the relay calls forged.
    """
    if not interaction.needs_answer or interaction.attributes.get("dmarc") == "fail" or interaction.attachments:
        return None
    found = keyword_of(interaction.text or interaction.thread.subject or "", unambiguous=True)
    return found if found is not None and found[0] != "help" else None


def _recipients(mail: Mail) -> str:
    return " ".join(value for name in _RECIPIENTS for value in mail.headers.get(name, [])[:5])


def _envelope_from(raw: RawInput, mail: Mail) -> str:
    return raw.headers.get("mail-from") or mail.first("return-path")


def _attributes(raw: RawInput, mail: Mail, content: Content, judged: dict[str, str]) -> dict[str, str]:
    answer_to = first_mailbox(eight_bit(mail.first("reply-to")[:8_000])) if mail.first("reply-to") else None
    found = {
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
