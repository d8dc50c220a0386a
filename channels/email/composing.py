"""Building the mail that carries an answer. No value can add a header: all are one line before the library sees them."""

import re
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from email_validator import EmailNotValidError, validate_email

from channels.base import BadAddress, FileFound, OutgoingMessage
from channels.email.message_ids import message_id
from channels.email.settings import EmailInboxSettings
from channels.email.tags import tagged
from channels.text import one_line
from schemas.values import CONVERSATION

# Long Message-IDs must not be folded: Python would write them as encoded words, which breaks threading (bpo-35805). So these
# headers are set raw, which this policy leaves alone; each is made of checked ids only.
_POLICY = policy.SMTP.clone(refold_source="none")
_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,250}")
_ANSWER = re.compile(r"^\s*(?:re|aw|ответ|پاسخ)\s*:", re.IGNORECASE)
_NO_SUBJECT = {"fa": "پاسخ به پیام شما", "ru": "Ответ на ваше сообщение"}
_MAX_REFERENCES = 10
_NOT_IDS = ("sha256:", CONVERSATION)


def compose(
    message: OutgoingMessage, files: tuple[FileFound, ...], settings: EmailInboxSettings, unsubscribe: str | None = None
) -> EmailMessage:
    """The mail for one delivery; its Message-ID depends on the delivery alone. `unsubscribe` is the link of RFC 8058.

    Raises BadAddress for what is no address.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _sender(message, settings)
    mail["To"] = Address(addr_spec=recipient(message.to))
    mail["Subject"] = _subject(message)
    mail["Date"] = format_datetime(message.at or datetime.now(UTC))
    mail.set_raw("Message-ID", f"<{message_id(message.delivery_id, settings.domain)}>")
    answered = tagged(settings, "c", message.conversation_id)
    if answered:
        mail["Reply-To"] = Address(display_name=one_line(settings.from_name, 100), addr_spec=recipient(answered))
    mail["X-Loop"] = settings.address
    if message.author is None:
        # RFC 3834: no person wrote this; other machines must not answer it.
        mail["Auto-Submitted"] = "auto-replied" if message.thread.references else "auto-generated"
    if unsubscribe is not None:
        mail.set_raw("List-Unsubscribe", f"<{unsubscribe}>")
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    known = [f"<{name}>" for name in message.thread.references if _ID.fullmatch(name) and not name.startswith(_NOT_IDS)]
    if known:
        mail.set_raw("In-Reply-To", known[-1])
        mail.set_raw("References", "\r\n ".join(known[-_MAX_REFERENCES:]))
    if message.language:
        mail["Content-Language"] = one_line(message.language, 20)
    foreign = sum(letter > "\x7f" for letter in message.text) * 3 > len(message.text)
    mail.set_content(message.text, charset="utf-8", cte="base64" if foreign else "quoted-printable")
    for file in files:
        _attach(mail, file)
    return mail


def recipient(address: str) -> str:
    """The address in the form that goes on the wire: an international domain in ASCII."""
    try:
        checked = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except (EmailNotValidError, ValueError) as error:
        raise BadAddress("not an email address") from error
    return checked.ascii_email or checked.normalized


def _sender(message: OutgoingMessage, settings: EmailInboxSettings) -> Address:
    names = [one_line(name, 100) for name in (message.author or "", settings.from_name) if name]
    return Address(display_name=" · ".join(filter(None, names)), addr_spec=recipient(settings.address))


def _subject(message: OutgoingMessage) -> str:
    subject = one_line(message.thread.subject or "", 400)
    if not subject:
        return _NO_SUBJECT.get(message.language or "", "Your message")
    return subject if _ANSWER.match(subject) else f"Re: {subject}"


def _attach(mail: EmailMessage, file: FileFound) -> None:
    main, _, sub = file.attachment.media_type.partition("/")
    if main in ("multipart", "message") or not sub:
        main, sub = "application", "octet-stream"
    name = one_line(file.attachment.name, 200) or "file"
    mail.add_attachment(file.content, maintype=main, subtype=sub, filename=name)
