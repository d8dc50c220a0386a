"""From a plain HTTP gateway's requests to interactions, opt-out words and receipts, as the inbox's form maps them."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from channels.base import Answer, Arrival, KeywordFound, Parsed, RawInput, Rejection
from channels.keywords import keyword_of
from channels.language import guess_language
from channels.sms import params
from channels.sms.addresses import identifier
from channels.sms.gateway_settings import GatewaySettings, Incoming, Proof, Receipts, Signature
from channels.sms.settings import SmsInboxSettings
from channels.text import clean_text, one_line
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.replies import ReceiptReceived
from schemas.values import MAX_TEXT, Sender, ThreadRef, Trust

MAX_BODY = 256 * 1024
Lookup = Callable[[str], str | None]


class GatewayInbound:
    """Reads `/channels/{inbox}` (messages) and `/channels/{inbox}/status` (receipts), by POST or by GET with a query."""

    def __init__(self, settings: SmsInboxSettings, gateway: GatewaySettings) -> None:
        self._settings = settings
        self._gateway = gateway

    def verify(self, raw: RawInput) -> None:
        """Every proof that the form asks for must hold. The body is looked at only as bytes under a signature."""
        proof = self._gateway.proof
        if proof is None:
            raise NotVerified("this inbox takes nothing in", hint="set proof, and incoming or receipts")
        for holds, field in ((_address, "address"), (_token, "token"), (_login, "authorization"), (_signed, "signature")):
            if not holds(proof, raw):
                raise NotVerified(f"the gateway's {field} does not hold", field=field)

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival (with an opt-out word, if it is one), one receipt, or one rejection."""
        if len(raw.body) > MAX_BODY:
            return _rejected("too-large", f"a gateway's request has at most {MAX_BODY} bytes")
        try:
            lookup = _lookup(raw, self._gateway.proof)
            if urlsplit(raw.url).path.rstrip("/").endswith("/status"):
                return _receipt(lookup, raw, self._gateway.receipts)
            return self._message(lookup, raw, self._gateway.incoming)
        except Exception as problem:
            # Totality: whatever a field trips over is kept, with its kind, not lost.
            return _rejected("malformed", f"not a readable request of the gateway ({type(problem).__name__})")

    def _message(self, lookup: Lookup, raw: RawInput, mapped: Incoming | None) -> Parsed:
        if mapped is None:
            return _rejected("not-mapped", "the inbox's form has no table incoming")
        sender = identifier(lookup(mapped.sender) or "", self._settings.region, Trust.ASSERTED)
        if sender is None:
            return _rejected("no-sender", f"{mapped.sender} must be a phone number or a name")
        text = clean_text(lookup(mapped.text) or "", MAX_TEXT)
        provider_id = one_line(lookup(mapped.id) or "", 200) if mapped.id else hashlib.sha256(_whole(raw)).hexdigest()
        if not provider_id:
            return _rejected("no-id", f"{mapped.id} must name the message")
        ours = one_line(lookup(mapped.to) or "", 64) if mapped.to else self._gateway.sender
        found = keyword_of(text)
        interaction = InteractionReceived(
            inbox=self._settings.inbox,
            channel="sms",
            sender=Sender(identifiers=(sender,)),
            occurred_at=raw.received_at,
            text=text,
            language=guess_language(text) or (found[1] if found else None),
            thread=ThreadRef(references=(f"{ours}/{provider_id}",)),
            needs_answer=found is None or found[0] == "help",
            attributes={"transport": "sms", **({"to": ours} if ours else {})},
        )
        heard = (KeywordFound(provider_id, found[0], sender, raw.received_at, found[1]),) if found else ()
        return Parsed(arrivals=(Arrival(provider_id, interaction),), keywords=heard, answer=self._answer())

    def _answer(self) -> Answer | None:
        return Answer(self._gateway.answer.encode()) if self._gateway.answer else None


def _receipt(lookup: Lookup, raw: RawInput, mapped: Receipts | None) -> Parsed:
    if mapped is None:
        return _rejected("not-mapped", "the inbox's form has no table receipts")
    try:
        delivery_id = UUID(lookup(mapped.delivery) or "")
    except ValueError:
        return _rejected("no-delivery", f"{mapped.delivery} must name one of our deliveries")
    state = mapped.states.get((lookup(mapped.status) or "").strip())
    if state is None:
        return _rejected("unknown-status", f"{mapped.status} has a value that the table states does not name")
    detail = one_line(lookup(mapped.detail) or "", 200) if mapped.detail else ""
    return Parsed(receipts=(ReceiptReceived(delivery_id=delivery_id, state=state, detail=detail, at=raw.received_at),))


def _rejected(code: str, reason: str) -> Parsed:
    return Parsed(rejections=(Rejection(code, reason),))


def _whole(raw: RawInput) -> bytes:
    return urlsplit(raw.url).query.encode() + b"\n" + raw.body


def _lookup(raw: RawInput, proof: Proof | None) -> Lookup:
    """By path in a JSON body, by name in a form; what is not there may stand in the query. Under a signature only what it is
    over counts.
    """
    signed = proof.signature.over if proof and proof.signature else None
    query = params.of_query("" if signed == "body" else raw.url)
    if not raw.body or signed == "query":
        return lambda path: query.first(path) or None
    if raw.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json"):
        value: Any = params.of_json(raw.body)
        return lambda path: params.at(value, path) or query.first(path) or None
    form = params.of_form(raw.body)
    return lambda path: form.first(path) or query.first(path) or None


def _address(proof: Proof, raw: RawInput) -> bool:
    if not proof.networks:
        return True
    try:
        peer = ip_address(raw.peer)
    except ValueError:
        return False
    return any(_inside(peer, network) for network in proof.networks)


def _inside(peer: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network) -> bool:
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return (mapped or peer) in network


def _token(proof: Proof, raw: RawInput) -> bool:
    if proof.token is None:
        return True
    place, _, name = proof.token_in.partition(":")
    try:
        given = raw.headers.get(name.lower(), "") if place == "header" else params.of_query(raw.url).first(name)
    except ValueError:
        return False
    return _same(given, proof.token.get_secret_value())


def _login(proof: Proof, raw: RawInput) -> bool:
    if proof.username is None or proof.password is None:
        return True
    wanted = base64.b64encode(f"{proof.username}:{proof.password.get_secret_value()}".encode()).decode()
    kind, _, given = raw.headers.get("authorization", "").partition(" ")
    return kind.lower() == "basic" and _same(given.strip(), wanted)


def _signed(proof: Proof, raw: RawInput) -> bool:
    if proof.signature is None:
        return True
    given = raw.headers.get(proof.signature.header.lower(), "").strip()
    content = raw.body if proof.signature.over == "body" else urlsplit(raw.url).query.encode("utf-8", "replace")
    # The signature of nothing is always the same: whoever saw it once could say anything.
    if not content or not given.startswith(proof.signature.prefix) or len(given) > 500:
        return False
    try:
        digest = _decoded(proof.signature, given[len(proof.signature.prefix) :])
    except (ValueError, binascii.Error):
        return False
    secret = proof.signature.secret.get_secret_value().encode()
    return hmac.compare_digest(hmac.new(secret, content, getattr(hashlib, proof.signature.algorithm)).digest(), digest)


def _decoded(signature: Signature, given: str) -> bytes:
    return bytes.fromhex(given) if signature.encoding == "hex" else base64.b64decode(given, validate=True)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
