"""SMTP answers become the error classes of channels/base.py (the table stands in docs/notifying.md)."""

import re
import ssl
from typing import Literal

import aiosmtplib

from channels.base import BadAddress, ContentRefused, OurFault, RetryLater, SendError

Stage = Literal["connect", "sender", "recipient", "data"]

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_BAD_ADDRESS = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"})
_OURS = frozenset({"5.7.8", "5.7.9", "5.7.14", "5.5.1", "5.5.4"})
_OUR_CODES = frozenset({502, 503, 523, 530, 534, 535, 538})
_MAILBOX_FULL = "5.2.2"
_PREFIX: dict[str, type[SendError]] = {"5.6.": ContentRefused, "5.7.": ContentRefused, "5.3.4": ContentRefused}


def refusal(code: int, text: str, stage: Stage) -> SendError:
    """The class of one SMTP answer. `text` is the server's own; it may name the recipient, so it stays out of logs."""
    found = _ENHANCED.search(text[:500])
    enhanced = found[1] if found else ""
    message = f"the relay answered {code} {enhanced}".strip()
    kind = _class(code, enhanced, stage)
    return kind(message)


def _class(code: int, enhanced: str, stage: Stage) -> type[SendError]:
    if 400 <= code < 500 or code < 0 or enhanced == _MAILBOX_FULL:
        return RetryLater
    if code in _OUR_CODES or enhanced in _OURS or stage == "connect":
        return OurFault
    if enhanced in _BAD_ADDRESS and stage != "sender":
        return BadAddress
    if stage == "sender":
        return ContentRefused if code == 552 or enhanced == "5.3.4" else OurFault
    by_prefix = next((kind for prefix, kind in _PREFIX.items() if enhanced.startswith(prefix)), None)
    return by_prefix or (BadAddress if stage == "recipient" else ContentRefused)


def translated(error: Exception, stage: Stage) -> SendError:
    """What the SMTP client raised before anything was handed over, as a SendError. Trouble with the line passes."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        return translated(error.recipients[0], "recipient")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return refusal(error.code, error.message, stage)
    # aiosmtplib tells of a missing STARTTLS or AUTH by its root class, and of settings that contradict by ValueError.
    if type(error) is aiosmtplib.SMTPException or isinstance(error, aiosmtplib.SMTPNotSupported | ValueError):
        return OurFault("the relay lacks a feature that is asked for (STARTTLS, AUTH or SMTPUTF8)")
    if isinstance(error.__cause__ or error, ssl.SSLCertVerificationError):
        return OurFault("the relay's certificate could not be verified")
    return RetryLater(f"the relay could not be reached ({type(error).__name__})")
