"""Building mails as the world writes them: in old charsets, quoted, with files."""

import base64
from email.message import EmailMessage
from email.policy import SMTP

PERSIAN = "سلام، سفارش شماره ۱۲۳۴ من هنوز نرسیده است. لطفاً پیگیری کنید؛ می‌خواهم بدانم کجاست."
RUSSIAN = "Здравствуйте! Мой заказ 1234 до сих пор не пришёл. Подскажите, пожалуйста, где он."
ENGLISH = "Hello, my order 1234 has not arrived yet. Can you tell me where it is?"


def labelled(text: str, charset: str, *, label: str | None = None, sender: str = "Sara <sara@example.org>") -> bytes:
    """A mail whose body is 8-bit text in `charset`, under `label` (the charset itself by default, none when empty)."""
    stated = charset if label is None else label
    kind = f"text/plain; charset={stated}" if stated else "text/plain"
    head = (
        f"From: {sender}\r\nTo: support@shop.example\r\nMessage-ID: <{charset}.1@mail.example.org>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n"
    )
    subject = base64.b64encode(text[:20].encode(charset)).decode()
    return head.encode() + f"Subject: =?{charset}?B?{subject}?=\r\n\r\n".encode() + text.encode(charset) + b"\r\n"


def written(
    text: str, *, sender: str = "Sara Ahmadi <sara@example.org>", subject: str = "Order 1234", **headers: str
) -> EmailMessage:
    """A modern mail. Header names are given with `_` for `-`."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, "support@shop.example", subject
    for name, value in {"Message_ID": "<first@mail.example.org>", **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail
