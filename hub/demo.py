"""The demo's inboxes, for a hub whose operator has configured none: they speak to the simulated providers."""

import hashlib
import hmac
import json

from services.desk.adapters.seeding.organisation import ORGANISATION, PASSWORD

__all__ = ["LOGINS", "PASSWORD", "SUPPORT_ADDRESS", "inboxes"]

LOGINS = tuple(person.login for person in ORGANISATION.people)
SUPPORT_ADDRESS = "support@payvand.example"


def inboxes(secret_key: str, smtp_port: int) -> str:
    """PAYVAND_INBOXES: a mailbox whose mail goes out to the simulated provider on `smtp_port`, and a web chat."""
    chat_secret = hmac.new(secret_key.encode(), b"inbox chat", hashlib.sha256).hexdigest()
    relay = {"host": "127.0.0.1", "port": smtp_port, "starttls": "never"}
    return json.dumps(
        [
            {"name": "chat", "channel": "webchat", "settings": {"secret": chat_secret}},
            {
                "name": "support",
                "channel": "email",
                "settings": {"address": SUPPORT_ADDRESS, "from_name": "Payvand Support", "relay": relay},
            },
        ]
    )
