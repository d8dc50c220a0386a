"""Which reader goes with which form."""

from channels.calls.formats.asterisk_cdr import AsteriskCdr
from channels.calls.formats.base import Format
from channels.calls.formats.freeswitch import FreeswitchCdr
from channels.calls.formats.queue_log import QueueLog
from channels.calls.formats.table import Table
from channels.calls.formats.twilio import TwilioVoice
from channels.calls.settings import CallInboxSettings

LINES = frozenset({"queue_log", "asterisk-cdr", "asterisk-cdr-json", "csv"})
"""Formats with a line for each leg or event; the others are a document a leg."""


def of_lines(form: CallInboxSettings) -> Format:
    """The reader of a log of lines. Raises Misconfigured when the mapping cannot be read."""
    match form.format:
        case "queue_log":
            return QueueLog(form.encoding)
        case "csv":
            return Table(form, form.layout())
        case _:
            return AsteriskCdr(form, json_lines=form.format == "asterisk-cdr-json")


def of_documents(form: CallInboxSettings) -> FreeswitchCdr | TwilioVoice:
    """The reader of single documents."""
    if form.format == "twilio":
        return TwilioVoice(by_dial=form.twilio_answered_by == "dial")
    return FreeswitchCdr(xml=form.format == "freeswitch-xml")
