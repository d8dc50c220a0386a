"""What the simulated Twilio knows: one account, its numbers, its messages, who has opted out."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

Json = dict[str, Any]
KEPT = 2_000
WINDOW = timedelta(hours=24)
STOP_WORDS = frozenset("STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE".split())  # noqa: SIM905 - a list of words
START_WORDS = frozenset("START YES UNSTOP".split())  # noqa: SIM905 - as above


@dataclass
class Message:
    """One message, as the API shows it."""

    sid: str
    to: str
    sender: str
    body: str
    direction: str
    status: str
    segments: int
    service: str | None = None
    callback: str = ""
    error_code: int | None = None
    media: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    template: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: datetime | None = None

    @property
    def by_whatsapp(self) -> bool:
        """Else it is an SMS or MMS."""
        return self.to.startswith("whatsapp:")

    def shown(self, account: str) -> Json:
        """The resource."""
        uri = f"/2010-04-01/Accounts/{account}/Messages/{self.sid}.json"
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": format_datetime(self.created),
            "date_sent": format_datetime(self.sent) if self.sent else None,
            "date_updated": format_datetime(self.sent or self.created),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender or None,
            "messaging_service_sid": self.service,
            "num_media": str(len(self.media)),
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": uri.replace(".json", "/Media.json")},
            "to": self.to,
            "uri": uri,
        }


class World:
    """`numbers` are the account's senders; `hook` is where messages to them go; `templates` has the approved texts."""

    def __init__(self, account: str, token: str, numbers: tuple[str, ...], service: str | None = None) -> None:
        self.templates: dict[str, str] = {}
        self.account = account
        self.token = token
        self.numbers = numbers
        self.service = service
        self.hook = ""
        self.messages: deque[Message] = deque(maxlen=KEPT)
        self.stopped: set[tuple[str, str]] = set()
        self.media: dict[str, tuple[str, bytes]] = {}

    def sid(self, prefix: str) -> str:
        """A new one."""
        return prefix + secrets.token_hex(16)

    def find(self, sid: str) -> Message | None:
        """By its sid."""
        return next((one for one in self.messages if one.sid == sid), None)

    def hears_freely(self, message: Message) -> bool:
        """Whether the recipient wrote by WhatsApp in the last 24 hours, so that no template is needed."""
        since = datetime.now(UTC) - WINDOW
        return any(
            one.direction == "inbound" and one.sender == message.to and one.to == message.sender and one.created > since
            for one in self.messages
        )

    def hears(self, theirs: str, ours: str, text: str) -> str | None:
        """Twilio's own opt-out of SMS: block or unblock, and what it answers."""
        word = text.strip().upper()
        if ":" in theirs:
            return None
        if word in STOP_WORDS:
            self.stopped.add((ours, theirs))
            return (
                "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START."
            )
        if word in START_WORDS and (ours, theirs) in self.stopped:
            self.stopped.discard((ours, theirs))
            return "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP."
        return None
