"""Messages of customers as each provider hands them over, around any words and any file name."""

import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

FIXTURES = Path(__file__).parents[1] / "fixtures"
_COURIER = Path(__file__).parents[2] / "docs" / "examples" / "payvand-channel-courier" / "fixtures" / "message.json"


def _captured(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "sara@example.org", "support@shop.example", "Order"
    mail["Message-ID"], mail["Date"] = "<spoken@example.org>", "Mon, 02 Nov 2026 10:00:00 +0000"
    return mail


def mail(text: str) -> bytes:
    """In UTF-8."""
    made = _mail()
    made.set_content(text)
    return made.as_bytes()


def mail_with_file(name: str, content: bytes) -> bytes:
    """With the name as RFC 2231 writes it."""
    made = _mail()
    made.set_content("see the file")
    made.add_attachment(content, maintype="application", subtype="octet-stream", filename="@name@")
    return made.as_bytes().replace(b'filename="@name@"', f"filename*=utf-8''{quote(name, safe='')}".encode())


def sms(text: str) -> bytes:
    """As Twilio posts it."""
    fields = dict(parse_qsl((FIXTURES / "sms" / "message-en.form").read_text(), keep_blank_values=True))
    return urlencode(fields | {"Body": text}).encode()


def mms(name: str, content: bytes) -> bytes:
    """Twilio keeps the file and tells a link; it knows no names."""
    fields = dict(parse_qsl((FIXTURES / "sms" / "mms.form").read_text(), keep_blank_values=True))
    return urlencode({key: value for key, value in fields.items() if not key.endswith("1")} | {"NumMedia": "1"}).encode()


def telegram(text: str) -> bytes:
    """A text, without entities."""
    update = _captured(FIXTURES / "telegram" / "text-ru.json")
    update["message"] |= {"text": text, "entities": []}
    return _written(update)


def telegram_document(name: str, content: bytes) -> bytes:
    """Telegram keeps the file and tells an id."""
    update = _captured(FIXTURES / "telegram" / "document.json")
    update["message"]["document"] |= {"file_name": name, "file_size": len(content)}
    return _written(update)


def chat(text: str) -> bytes:
    """A frame of the widget."""
    return _written(_captured(FIXTURES / "webchat" / "message-en.json") | {"text": text})


def courier(text: str) -> bytes:
    """A webhook of the example's provider."""
    return _written(_captured(_COURIER) | {"text": text})


def caller(name: str) -> bytes:
    """A call of which the exchange knows the caller's name: all that a caller says in writing."""
    record = _captured(FIXTURES / "call" / "freeswitch-abandoned-in-queue.json")
    record["callflow"][0]["caller_profile"]["caller_id_name"] = quote(name)
    return _written(record)
