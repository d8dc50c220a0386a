"""The demo's inboxes, for a hub whose operator has configured none: they speak to the simulated providers."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from services.desk.adapters.seeding.organisation import ORGANISATION, PASSWORD

__all__ = ["LOGINS", "PASSWORD", "SUPPORT_ADDRESS", "SUPPORT_NUMBER", "SUPPORT_WHATSAPP", "inboxes"]

LOGINS = tuple(person.login for person in ORGANISATION.people)
SUPPORT_ADDRESS = "support@payvand.example"
SUPPORT_NUMBER = "+12125550123"
SUPPORT_WHATSAPP = "whatsapp:+12125550123"
HOTLINE_NUMBER = "+982188001234"


def inboxes(secret_key: str, smtp_port: int, simulators_port: int | None = None, pbx: Path | None = None) -> str:
    """PAYVAND_INBOXES: a mailbox whose mail goes out to the simulated provider on `smtp_port`, and a web chat; with simulators
    on `simulators_port` a Telegram bot and a line for text messages too; with `pbx` the hotline of a PBX that writes there.
    """
    chat_secret = hmac.new(secret_key.encode(), b"inbox chat", hashlib.sha256).hexdigest()
    relay = {"host": "127.0.0.1", "port": smtp_port, "starttls": "never"}
    return json.dumps(
        [
            {
                "name": "chat",
                "channel": "webchat",
                "settings": {"secret": chat_secret} | ({"telegram": "bot"} if simulators_port else {}),
            },
            {
                "name": "support",
                "channel": "email",
                "settings": {"address": SUPPORT_ADDRESS, "from_name": "Payvand Support", "relay": relay},
            },
            *([_bot(secret_key, simulators_port), _line(secret_key, simulators_port)] if simulators_port else []),
            *([_hotline(pbx)] if pbx else []),
        ]
    )


def _hotline(pbx: Path) -> dict[str, Any]:
    settings = {"format": "queue_log", "files": str(pbx / "queue_log"), "own_numbers": [HOTLINE_NUMBER], "settle_seconds": 2}
    return {"name": "hotline", "channel": "call", "settings": settings}


def _bot(secret_key: str, port: int) -> dict[str, Any]:
    token = hmac.new(secret_key.encode(), b"inbox bot", hashlib.sha256).hexdigest()[:35]
    settings = {"token": f"110201543:{token}", "username": "payvand_bot", "base_url": f"http://127.0.0.1:{port}/telegram"}
    return {"name": "bot", "channel": "telegram", "settings": settings}


def _line(secret_key: str, port: int) -> dict[str, Any]:
    token = hmac.new(secret_key.encode(), b"inbox line", hashlib.sha256).hexdigest()[:32]
    provider = {
        "driver": "twilio",
        "account_sid": "AC" + "0" * 32,
        "auth_token": token,
        "numbers": [SUPPORT_NUMBER, SUPPORT_WHATSAPP],
        "base_url": f"http://127.0.0.1:{port}/twilio",
    }
    return {"name": "line", "channel": "sms", "settings": {"provider": provider}}
