"""One message from a customer, as Twilio tells of it: SMS, MMS, WhatsApp, RCS."""

import re
from urllib.parse import urlsplit

from channels.base import Answer, Arrival, FileWanted, KeywordFound, Parsed, RawInput
from channels.keywords import keyword_of
from channels.language import guess_language
from channels.sms.addresses import identifier
from channels.sms.params import Params
from channels.sms.settings import WHATSAPP, SmsInboxSettings, TwilioSettings
from channels.text import clean_text, one_line
from schemas.interactions import InteractionReceived
from schemas.replies import Keyword
from schemas.values import MAX_TEXT, Attachment, Identifier, Language, Sender, ThreadRef, Trust

EMPTY_TWIML = Answer(b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")
"""Take no action: our answers go by the REST API, where they can be followed."""
_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_KEYWORDS: dict[str, Keyword] = {"STOP": "stop", "START": "start", "HELP": "help"}
_TWILIO_ANSWERS = frozenset(
    ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE", "START", "YES", "UNSTOP", "HELP", "INFO")
)
_MAX_FILES = 10
_KEPT = {
    "to": "To",
    "transport": "",
    "profile-name": "ProfileName",
    "button": "ButtonPayload",
    "address": "Address",
    "place": "Label",
    "country": "FromCountry",
    "forwarded": "Forwarded",
    "referral": "ReferralSourceUrl",
}


class Unreadable(Exception):
    """Input that makes no event."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def message(fields: Params, raw: RawInput, settings: SmsInboxSettings, twilio: TwilioSettings) -> Parsed:
    """The arrival, and the opt-out word if it is one. Raises Unreadable."""
    sid = fields.first("MessageSid") or fields.first("SmsMessageSid") or fields.first("SmsSid")
    if not _SID.fullmatch(sid):
        raise Unreadable("no-id", "MessageSid must be SM or MM and 32 hexadecimal digits")
    if fields.first("AccountSid").lower() != twilio.account_sid.lower():
        raise Unreadable("other-account", "AccountSid is not the account of this inbox")
    sender = _sender(fields, settings)
    text = _text(fields)
    found = _keyword(fields, text)
    arrival = _arrival(sid, fields, raw, settings, (sender, text, found))
    if found is None:
        return Parsed(arrivals=(arrival,), answer=EMPTY_TWIML)
    keyword, language = found
    heard = KeywordFound(
        sid, keyword, sender, raw.received_at, language, confirmed=twilio.answers_keywords and _is_answered(fields)
    )
    return Parsed(arrivals=(arrival,), keywords=(heard,), answer=EMPTY_TWIML)


def _arrival(
    sid: str,
    fields: Params,
    raw: RawInput,
    settings: SmsInboxSettings,
    read: tuple[Identifier, str, tuple[Keyword, Language | None] | None],
) -> Arrival:
    sender, text, found = read
    wanted, left_out = _files(fields, f"{settings.inbox}/{sid}")
    interaction = InteractionReceived(
        inbox=settings.inbox,
        channel="sms",
        sender=Sender(identifiers=(sender,), display_name=one_line(fields.first("ProfileName"), 200) or None),
        occurred_at=raw.received_at,
        text=text,
        language=guess_language(text) or (found[1] if found else None),
        thread=ThreadRef(references=_references(sid, fields)),
        attachments=tuple(one.attachment for one in wanted),
        # A word for help may be a cry for help: an agent sees it. An opt-out or opt-in is answered by itself.
        needs_answer=found is None or found[0] == "help",
        attributes=_attributes(fields, left_out),
    )
    return Arrival(sid, interaction, wanted=wanted)


def _sender(fields: Params, settings: SmsInboxSettings) -> Identifier:
    """WhatsApp proves its numbers, the SMS network does not."""
    address = fields.first("From").strip()
    transport, _, bare = address.rpartition(":")
    sender = identifier(bare, settings.region, Trust.VERIFIED if transport.lower() == "whatsapp" else Trust.ASSERTED)
    if sender is None:
        raise Unreadable("no-sender", "From must be a phone number, a short code or a name")
    return sender


def _text(fields: Params) -> str:
    text = clean_text(fields.first("Body"), MAX_TEXT) or clean_text(fields.first("ButtonText"), MAX_TEXT)
    place = _place(fields)
    return f"{text}\n{place}".strip()[:MAX_TEXT] if place else text


def _place(fields: Params) -> str:
    try:
        latitude, longitude = float(fields.first("Latitude")), float(fields.first("Longitude"))
    except ValueError:
        return ""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return ""
    name = one_line(" ".join(filter(None, (fields.first("Label"), fields.first("Address")))), 300)
    return f"📍 {name} geo:{latitude:.6f},{longitude:.6f}".replace("  ", " ")


def _keyword(fields: Params, text: str) -> tuple[Keyword, Language | None] | None:
    """Twilio's own verdict first: with Advanced Opt-Out the words are the operator's."""
    theirs = _KEYWORDS.get(fields.first("OptOutType").strip().upper())
    ours = keyword_of(text)
    if theirs is not None:
        return theirs, ours[1] if ours and ours[0] == theirs else None
    return ours


def _is_answered(fields: Params) -> bool:
    """Advanced Opt-Out says so; else Twilio knows its English words, in SMS only."""
    if fields.first("OptOutType"):
        return True
    return ":" not in fields.first("From") and fields.first("Body").strip().upper() in _TWILIO_ANSWERS


def _references(sid: str, fields: Params) -> tuple[str, ...]:
    """`<our sender>/<message>`, newest last: an answer goes out from the number that was written to."""
    ours = one_line(fields.first("To"), 64)
    replied = fields.first("OriginalRepliedMessageSid")
    return tuple(f"{ours}/{one}" for one in (replied, sid) if _SID.fullmatch(one))


def _files(fields: Params, ref: str) -> tuple[tuple[FileWanted, ...], int]:
    given = fields.first("NumMedia").strip()
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 0
    wanted = []
    for place in range(min(number, _MAX_FILES)):
        url = fields.first(f"MediaUrl{place}")
        if not url.isascii() or len(url) > 2_000 or urlsplit(url).scheme not in ("https", "http"):
            continue
        media_type = fields.first(f"MediaContentType{place}").partition(";")[0].strip().lower()
        media_type = media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
        name = f"{place + 1}.{re.sub('[^a-z0-9]', '', media_type.partition('/')[2])[:8] or 'bin'}"
        wanted.append(FileWanted(Attachment(ref=f"{ref}/{place}", name=name, media_type=media_type, size=0), url))
    return tuple(wanted), number - len(wanted)


def _attributes(fields: Params, left_out: int) -> dict[str, str]:
    found = {name: one_line(fields.first(field), 1_000) for name, field in _KEPT.items() if field}
    found["transport"] = "whatsapp" if fields.first("From").lower().startswith(WHATSAPP) else "sms"
    found["files-left-out"] = str(left_out) if left_out > 0 else ""
    found["opt-out-type"] = one_line(fields.first("OptOutType"), 16)
    return {name: value for name, value in found.items() if value}
