"""From lines of a log, or a posted record, to interactions."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from channels.base import Answer, Arrival, Parsed, RawInput, Rejection
from channels.calls import reading
from channels.calls.call import Fault, Reading
from channels.calls.formats.twilio import TwilioVoice, form_of
from channels.calls.interactions import Interactions
from channels.calls.settings import FORMAT, LAYOUT, MAX_BODY, OURS, ZONE, CallInboxSettings, Layout
from runtime.errors import Misconfigured, NotVerified

_TWIML = Answer(b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")
_SHOWN = 3


class CallInbound:
    """Reads records of the inbox's format. Our own follower and import show a proof and may name another format."""

    def __init__(self, form: CallInboxSettings) -> None:
        self._form = form

    def verify(self, raw: RawInput) -> None:
        """Our own proof, Twilio's signature, or the token of the inbox."""
        if OURS in raw.headers:
            proof = self._form.proof()
            if proof is None or not hmac.compare_digest(proof.encode(), raw.headers[OURS].encode("utf-8", "replace")):
                raise NotVerified("the proof is not of this deployment", field=OURS)
        elif self._form.format == "twilio":
            self._signed(raw)
        else:
            self._token(raw)

    def _signed(self, raw: RawInput) -> None:
        secret = self._form.auth_token
        signature = raw.headers.get("x-twilio-signature", "")
        if secret is None or not signature:
            raise NotVerified(
                "the request is not signed",
                field="x-twilio-signature",
                hint="set the inbox's auth_token to that of the account",
            )
        from twilio.request_validator import RequestValidator  # noqa: PLC0415 - heavy, for lines of Twilio only

        if not RequestValidator(secret.get_secret_value()).validate(raw.url, form_of(raw.body), signature):
            raise NotVerified(
                "the signature does not hold", field="x-twilio-signature", hint="check auth_token and the public URL of the hub"
            )

    def _token(self, raw: RawInput) -> None:
        token = self._form.token
        if token is None:
            raise NotVerified("this inbox takes nothing over HTTP", field="token", hint="set a token in its settings")
        wanted = token.get_secret_value().encode()
        if not any(hmac.compare_digest(wanted, shown.encode("utf-8", "replace")) for shown in _shown(raw)):
            raise NotVerified(
                "the token is missing or not right", field="token", hint="send it as a bearer token or as ?token="
            )

    def parse(self, raw: RawInput) -> Parsed:
        """Every call that the input completes, once; what cannot be read is one rejection that names the lines."""
        if len(raw.body) > MAX_BODY:
            return Parsed(rejections=(Rejection("too-large", f"a body may have at most {MAX_BODY} bytes"),))
        try:
            form = self._asked(raw.headers)
            found = read(form, raw)
        except Misconfigured as error:
            return Parsed(rejections=(Rejection("misconfigured", f"{error.message}; {error.hint or 'mend the settings'}"),))
        except (ValidationError, ValueError):
            return Parsed(rejections=(Rejection("malformed", "the headers of the import name no known format or mapping"),))
        arrivals = interactions(form, found, raw)[0]
        return Parsed(arrivals, rejections=_rejected(found.faults), answer=_TWIML if form.format == "twilio" else None)

    def _asked(self, headers: Mapping[str, str]) -> CallInboxSettings:
        """The form, with what an import says of its file. Raises ValidationError."""
        named: dict[str, Any] = {"format": headers.get(FORMAT), "zone": headers.get(ZONE)}
        changes = {name: value for name, value in named.items() if value}
        if LAYOUT in headers:
            changes["mapping"] = base64.b64decode(headers[LAYOUT], validate=True)
        return changed(self._form, changes)


def changed(form: CallInboxSettings, changes: Mapping[str, Any]) -> CallInboxSettings:
    """The form with other values, checked. `mapping` may be JSON. Raises ValidationError."""
    if all(getattr(form, name) == value for name, value in changes.items()):
        return form
    values = {name: getattr(form, name) for name in form.model_fields_set} | dict(changes)
    if isinstance(values.get("mapping"), bytes):
        values["mapping"] = Layout.model_validate_json(values["mapping"])
    if values.get("format") == "twilio":
        values.pop("files", None)
    return CallInboxSettings.model_validate(values)


def read(form: CallInboxSettings, raw: RawInput) -> Reading:
    """The calls of an input. Raises Misconfigured for a mapping that cannot be read."""
    if form.format in reading.LINES:
        return reading.of_lines(form).read(raw.body)
    reader = reading.of_documents(form)
    return reader.read(raw.body, raw.received_at) if isinstance(reader, TwilioVoice) else reader.read(raw.body)


def interactions(form: CallInboxSettings, found: Reading, raw: RawInput) -> tuple[tuple[Arrival, ...], list[tuple[int, str]]]:
    """What the calls come to, and the lines of those that come to nothing, with the reason."""
    maker = Interactions(form)
    arrivals: dict[str, Arrival] = {}
    skipped = [(skip.line, skip.reason) for skip in found.skips]
    for line, call in found.calls:
        made = maker.arrival(call, raw.received_at)
        if isinstance(made, str):
            skipped.append((line, made))
        else:
            arrivals.setdefault(made.provider_id, made)
    return tuple(arrivals.values()), skipped


def _rejected(faults: list[Fault]) -> tuple[Rejection, ...]:
    if not faults:
        return ()
    lines = ", ".join(str(fault.line) for fault in faults[:_SHOWN]) + (" …" if len(faults) > _SHOWN else "")
    return (Rejection("malformed", f"{len(faults)} of the lines cannot be read ({lines}): {faults[0].message}"),)


def _shown(raw: RawInput) -> list[str]:
    """Every place where a PBX may show the token."""
    kind, _, value = raw.headers.get("authorization", "").partition(" ")
    shown = [raw.headers.get("x-payvand-token", "")]
    if kind.lower() == "bearer":
        shown.append(value.strip())
    if kind.lower() == "basic":
        with suppress(binascii.Error, ValueError):
            shown.append(base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").partition(":")[2])
    with suppress(ValueError):
        shown += parse_qs(urlsplit(raw.url).query, max_num_fields=50).get("token", [])
    return shown
