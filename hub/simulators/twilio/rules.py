"""What Twilio refuses, and with which code.

Source: the Message resource, "Test credentials" and the error dictionary of its documentation.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.simulators.twilio.media import MAX_FILES, URL
from hub.simulators.twilio.world import Json, World

MAX_BODY = 1_600
_NUMBER = re.compile(r"\+[1-9]\d{7,14}")
_RECIPIENTS = {
    "+15005550001": (21211, "Invalid 'To' Phone Number"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable using the 'From' phone number via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
_SENDERS = {
    "+15005550001": (21212, "Invalid From Number"),
    "+15005550007": (21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number"),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of queued messages"),
}


@dataclass(frozen=True)
class Problem:
    """An error answer."""

    code: int
    message: str
    status: int = 400

    def shown(self) -> Json:
        """As Twilio writes it."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": more, "status": self.status}


AUTHENTICATE = Problem(20003, "Authenticate", 401)
NOT_FOUND = Problem(20404, "The requested resource was not found", 404)
TOO_MANY = Problem(20429, "Too Many Requests", 429)


def refused(world: World, form: Mapping[str, str], media: Sequence[str] = ()) -> Problem | None:
    """Why this message is not made, if it is not. `media` are its MediaUrls."""
    told = (_missing(form), _recipient(form.get("To", "")), _sender(world, form), _content(form), _files(media))
    for problem in (*told, _template(world, form)):
        if problem is not None:
            return problem
    if (form.get("From", ""), form["To"]) in world.stopped or (not form.get("From") and _stopped_anywhere(world, form["To"])):
        return Problem(21610, "Attempt to send to unsubscribed recipient")
    return None


def lost_by(to: str) -> int | None:
    """The error that a recipient of this number has."""
    code = int(to[-5:]) if to[-5:].isdecimal() else 0
    return code if 30_001 <= code <= 30_036 else None


def _stopped_anywhere(world: World, to: str) -> bool:
    return any(theirs == to for _, theirs in world.stopped)


def _missing(form: Mapping[str, str]) -> Problem | None:
    if not form.get("To"):
        return Problem(21604, "A 'To' phone number is required.")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return Problem(21603, "A 'From' phone number is required.")
    if not form.get("Body") and not form.get("MediaUrl") and not form.get("ContentSid"):
        return Problem(21602, "Message body is required.")
    return None


def _recipient(to: str) -> Problem | None:
    if to in _RECIPIENTS:
        return Problem(*_RECIPIENTS[to])
    if not _NUMBER.fullmatch(to.removeprefix("whatsapp:")):
        return Problem(21211, f"Invalid 'To' Phone Number: {to[:4]}XXXX")
    return None


def _sender(world: World, form: Mapping[str, str]) -> Problem | None:
    sender, service = form.get("From", ""), form.get("MessagingServiceSid")
    if service and service != world.service:
        return Problem(21703, "The Messaging Service does not exist", 404)
    if not sender:
        return None
    if sender in _SENDERS:
        return Problem(*_SENDERS[sender])
    if sender not in world.numbers:
        return Problem(21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number")
    if sender.startswith("whatsapp:") != form["To"].startswith("whatsapp:"):
        return Problem(21910, "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel")
    return None


def _content(form: Mapping[str, str]) -> Problem | None:
    if len(form.get("Body", "")) > MAX_BODY:
        return Problem(21617, "The concatenated message body exceeds the 1600 character limit")
    callback = form.get("StatusCallback", "")
    if callback and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/\S*)?", callback):
        return Problem(21609, "The 'StatusCallback' URL is not a valid URL")
    return None


def _files(media: Sequence[str]) -> Problem | None:
    if len(media) > MAX_FILES:
        return Problem(21623, "Number of media files exceeds allowed limit")
    if not all(URL.fullmatch(one) for one in media):
        return Problem(21620, "Invalid media URL(s)")
    return None


def _template(world: World, form: Mapping[str, str]) -> Problem | None:
    sid, variables = form.get("ContentSid", ""), form.get("ContentVariables", "")
    if variables and not sid:
        return Problem(21654, "ContentSid Required")
    if sid and sid not in world.templates:
        return Problem(21655, "The ContentSid is Invalid")
    if sid and filled(world.templates[sid], variables) is None:
        return Problem(21656, "The ContentVariables Parameter is invalid")
    return None


def filled(template: str, variables: str) -> str | None:
    """A template's text with its variables; None when they do not fit it or hold what WhatsApp does not take."""
    try:
        values = json.loads(variables or "{}")
    except ValueError:
        return None
    if not isinstance(values, dict) or set(re.findall(r"{{(\w+)}}", template)) != set(values):
        return None
    if not all(isinstance(one, str) and one and not re.search(r"[\n\t]| {5}", one) for one in values.values()):
        return None
    return re.sub(r"{{(\w+)}}", lambda found: str(values[found[1]]), template)
