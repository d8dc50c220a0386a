"""WhatsApp's window: 24 hours after the customer's last message only templates may be sent.

Twilio itself is asked when that was: it has every message, also those from before this inbox was here.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from channels.base import ContentRefused, OutgoingMessage
from channels.sms.settings import TwilioSettings, WhatsAppTemplate
from channels.sms.twilio_parts import Part

WINDOW = timedelta(hours=24)
CLOSED = 63016
"""Twilio's code for a plain text outside of the window."""
MAX_VARIABLE = 1_024
"""WhatsApp's limit for the whole body of a template."""
_BREAKS = re.compile(r"\s+")


async def is_open(api: Any, customer: str, sender: str, now: datetime) -> bool:
    """Whether the customer (`whatsapp:+…`) wrote to this sender within the window. Raises what the library raises."""
    since = now - WINDOW
    # Twilio compares days, not moments.
    listed = await api.messages.list_async(from_=customer, to=sender, date_sent_after=since - timedelta(days=1), limit=5)
    return any(one.direction == "inbound" and one.date_created and one.date_created > since for one in listed)


def templated(twilio: TwilioSettings, message: OutgoingMessage) -> Part:
    """The message as the template of its language, else the first one. Raises ContentRefused for what no template can carry."""
    template = _template(twilio, message)
    if template is None:
        raise ContentRefused(
            "the customer wrote over 24 hours ago: WhatsApp takes only templates then, and this inbox has none (Twilio 63016)"
        )
    if message.attachments:
        raise ContentRefused(
            "the customer wrote over 24 hours ago: WhatsApp takes only a template then, which carries no files"
        )
    # A variable may hold neither line breaks nor runs of spaces (Twilio 21656).
    text = _BREAKS.sub(" ", message.text).strip()
    if len(text) > MAX_VARIABLE:
        raise ContentRefused(
            f"the customer wrote over 24 hours ago: WhatsApp takes only a template then, of at most {MAX_VARIABLE} characters"
        )
    variables = tuple((name, value.replace("{text}", text)) for name, value in template.variables.items())
    return Part(text, template=template.sid, variables=variables)


def _template(twilio: TwilioSettings, message: OutgoingMessage) -> WhatsAppTemplate | None:
    found = twilio.templates.get(message.language or "")
    return found or next(iter(twilio.templates.values()), None)
