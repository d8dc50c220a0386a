"""Twilio's error codes become the error classes of channels/base.py (the table stands in docs/notifying.md)."""

from channels.base import BadAddress, ContentRefused, OptedOut, OurFault, RetryLater, SendError

_RETRY = (11200, 14107, 20429, 21611, 30001, 30003, 30008, 30017, 30022, 63018, 63019, 63031)
_BAD_ADDRESS = (21211, 21214, 21217, 21265, 21401, 21612, 21614, 21635, 30005, 30006, 63003, 63024)
_OPTED_OUT = (21610, 63032)
_CONTENT = (
    *(11751, 12300, 21602, 21605, 21617, 21619, 21620, 21623, 21655, 21656, 21658, 30004, 30007, 30019, 30034),
    *(63005, 63013, 63016, 63021, 63028),
)
_OURS = (20003, 20005, 20403, 20404, 21212, 21408, 21603, 21606, 21608, 21659, 21660, 21703, 21704, 30002, 30036, 63007)
CLASSES: dict[int, type[SendError]] = {
    **dict.fromkeys(_RETRY, RetryLater),
    **dict.fromkeys(_BAD_ADDRESS, BadAddress),
    **dict.fromkeys(_OPTED_OUT, OptedOut),
    **dict.fromkeys(_CONTENT, ContentRefused),
    **dict.fromkeys(_OURS, OurFault),
}
_MEANINGS = {
    11200: "a file could not be fetched from the hub's public address",
    11751: "the files are too large",
    12300: "a file of a type that is not taken",
    20003: "the account SID or its secret is wrong",
    20429: "too many requests",
    21211: "not a valid number",
    21408: "the account may not send to this country",
    21606: "the sender is not one of the account's, or cannot send this",
    21608: "a trial account sends to verified numbers only",
    21610: "the recipient has written STOP",
    21611: "the sender's queue is full",
    21612: "no route from this sender to the number",
    21614: "not a mobile number",
    21617: "the text is too long",
    21620: "the link of a file is not a public address",
    21623: "too many files",
    21635: "a landline",
    21655: "the account has no such template",
    21656: "the template's variables do not fit",
    30001: "the queue overflowed",
    30002: "the account is suspended",
    30003: "the handset cannot be reached",
    30004: "blocked for this recipient",
    30005: "an unknown number",
    30006: "a landline, or a carrier that cannot be reached",
    30007: "filtered as unwanted by the carrier",
    30008: "an unknown trouble at the carrier",
    30019: "the files are too large for the carrier",
    30034: "the sender is not registered with the carriers (A2P 10DLC)",
    30036: "it waited longer than its validity",
    63005: "WhatsApp did not take the content",
    63016: "outside WhatsApp's window of 24 hours only templates may be sent",
    63019: "a file could not be fetched from the hub's public address",
    63021: "WhatsApp did not take the content",
}


def meaning(code: int) -> str:
    """A code in words for an agent."""
    return f"Twilio {code}: {_MEANINGS[code]}" if code in _MEANINGS else f"Twilio error {code}"


def refusal(status: int, code: int | None) -> SendError:
    """The class of an error answer. A server error may have come after the message was made: a later attempt looks first."""
    words = meaning(code) if code else f"Twilio answered {status}"
    if code is not None and code in CLASSES:
        return CLASSES[code](words)
    if status == 429 or status >= 500:
        return RetryLater(words)
    if status in (401, 403, 404):
        return OurFault(words)
    return ContentRefused(words)
