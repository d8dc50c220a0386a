"""From Twilio's webhooks to interactions, opt-out words and receipts.

Sources: "Twilio's request to your incoming message webhook URL", "Track the message status of outbound messages" and
"Security" (X-Twilio-Signature) in Twilio's documentation.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from channels.base import Parsed, RawInput, Rejection
from channels.sms import params
from channels.sms.params import Params
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_message import Unreadable, message
from channels.sms.twilio_receipt import receipt
from runtime.errors import NotVerified

MAX_BODY = 256 * 1024
_MAX_SIGNATURE = 200


class TwilioInbound:
    """Reads `POST /channels/{inbox}` (messages) and `POST /channels/{inbox}/status?delivery=…` (receipts)."""

    def __init__(self, settings: SmsInboxSettings, twilio: TwilioSettings) -> None:
        self._settings = settings
        self._twilio = twilio

    def verify(self, raw: RawInput) -> None:
        """Twilio's signature over the public URL and the form; with `bodySHA256` in the URL, over that digest of the body.

        The form is taken apart because the signature is over its fields; nothing in it is looked at.
        """
        secret = self._twilio.signing_secret
        if secret is None:
            raise NotVerified("requests of Twilio cannot be verified", hint="set auth_token or webhook_secret")
        signature = raw.headers.get("x-twilio-signature", "")
        if not signature or len(signature) > _MAX_SIGNATURE or len(raw.body) > MAX_BODY * 2:
            raise NotVerified("the signature of Twilio is missing", field="x-twilio-signature")
        try:
            holds = _holds(secret, raw, signature)
        except ValueError:
            holds = False
        if not holds:
            hint = "the webhook must be called by the hub's public URL, and auth_token be the account's own"
            raise NotVerified("the signature of Twilio does not hold", field="x-twilio-signature", hint=hint)

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival (with an opt-out word, if it is one), one receipt, or one rejection."""
        if len(raw.body) > MAX_BODY:
            return _rejected("too-large", f"a webhook of Twilio has at most {MAX_BODY} bytes")
        try:
            fields = _fields(raw)
            if _is_status(raw, fields):
                return receipt(fields, raw)
            return message(fields, raw, self._settings, self._twilio)
        except Unreadable as problem:
            return _rejected(problem.code, problem.message)
        except Exception as problem:
            # Totality: whatever a field trips over is kept, with its kind, not lost.
            return _rejected("malformed", f"not a readable webhook of Twilio ({type(problem).__name__})")


def _rejected(code: str, reason: str) -> Parsed:
    return Parsed(rejections=(Rejection(code, reason),))


def _is_json(raw: RawInput) -> bool:
    return raw.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _fields(raw: RawInput) -> Params:
    if not _is_json(raw):
        return params.of_form(raw.body)
    value = params.of_json(raw.body)
    if not isinstance(value, Mapping) or len(value) > params.MAX_FIELDS:
        raise Unreadable("malformed", "a JSON webhook must be one object")
    return Params([(str(name), "" if one is None else str(one)) for name, one in value.items()])


def _is_status(raw: RawInput, fields: Params) -> bool:
    return urlsplit(raw.url).path.rstrip("/").endswith("/status") or (
        bool(fields.first("MessageStatus")) and not fields.first("Body") and fields.first("SmsStatus") != "received"
    )


def _holds(secret: str, raw: RawInput, signature: str) -> bool:
    from twilio.request_validator import RequestValidator, get_signature_algorithm  # noqa: PLC0415 - only where it is used

    digest = params.of_query(raw.url).first("bodySHA256")
    if digest:
        if not hmac.compare_digest(hashlib.sha256(raw.body).hexdigest().encode(), digest.lower().encode()):
            return False
        signed: Params = Params([])
    else:
        signed = params.of_form(raw.body)
    algorithm = get_signature_algorithm(raw.headers.get("x-twilio-webhooks-signature-settings", ""))
    validator = RequestValidator(secret)
    return bool(validator.validate(raw.url, signed, signature, algorithm))
