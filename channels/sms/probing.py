"""Whether an SMS inbox's settings work, without a message to anybody."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from channels.base import Finding, SendError, Surroundings
from channels.sms import web
from channels.sms.gateway_settings import GatewaySettings
from channels.sms.settings import WHATSAPP, SmsInboxSettings, TwilioSettings

Check = Callable[[], Awaitable[Finding]]
_LOW_BALANCE = 5.0


async def look(settings: SmsInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """Never raises."""
    provider = settings.provider
    if isinstance(provider, TwilioSettings):
        return await _probe_twilio(provider, surroundings)
    return await _probe_gateway(provider, surroundings)


async def _probe_twilio(twilio: TwilioSettings, surroundings: Surroundings) -> list[Finding]:
    from channels.sms.twilio_rest import client  # noqa: PLC0415 - heavy; only where it is used

    findings = [_reachable(surroundings), _verifiable(twilio)]
    api, http = client(twilio)
    try:
        login = await _tried("login", lambda: _login(api, twilio))
        findings.append(login)
        if login.ok:
            findings.append(await _tried("balance", lambda: _balance(api)))
            for number in twilio.numbers:
                if number.startswith("+"):
                    findings.append(await _tried(f"number ending {number[-2:]}", _number_check(api, number, surroundings)))
                elif number.startswith(WHATSAPP):
                    findings.append(
                        Finding(
                            f"WhatsApp ending {number[-2:]}", True, "not to be seen by the API", "see the Console's senders"
                        )
                    )
            if twilio.messaging_service:
                findings.append(
                    Finding(
                        "messaging service", True, "not looked at", "set its webhook to the hub's, or defer to the number's"
                    )
                )
    finally:
        await http.close()
    return findings


async def _tried(check: str, work: Check) -> Finding:
    from channels.sms.twilio_rest import translated  # noqa: PLC0415 - as above

    try:
        return await work()
    except Exception as error:
        trouble = translated(error)
        return Finding(check, False, trouble.message, _HINTS.get(trouble.slug, "see https://status.twilio.com"))


_HINTS = {
    "ours": "compare account_sid and auth_token (or api_key and api_secret) with the Console",
    "retry": "is api.twilio.com reachable from here?",
    "unknown": "is base_url that of the API?",
}


async def _login(api: Any, twilio: TwilioSettings) -> Finding:
    account = await api.api.v2010.accounts(twilio.account_sid).fetch_async()
    status, kind = str(account.status), str(account.type)
    if status != "active":
        return Finding("login", False, f"the account is {status}", "open the Console")
    trial = kind.lower() == "trial"
    return Finding("login", True, f"{kind} account", "a trial account writes to verified numbers only" if trial else "")


async def _balance(api: Any) -> Finding:
    found = await api.balance.fetch_async()
    amount = float(found.balance)
    hint = "top it up soon" if amount < _LOW_BALANCE else ""
    return Finding("balance", amount > 0, f"{amount:.2f} {found.currency}", hint)


def _number_check(api: Any, number: str, surroundings: Surroundings) -> Check:
    async def check() -> Finding:
        name = f"number ending {number[-2:]}"
        found = await api.incoming_phone_numbers.list_async(phone_number=number, limit=1)
        if not found:
            return Finding(name, False, "the account has no such number", "buy it, or take it out of numbers")
        [one] = found
        if not one.capabilities.get("sms"):
            return Finding(name, False, "it cannot send text messages", "choose a number with SMS")
        wanted = surroundings.webhook_url
        if wanted and one.sms_url != wanted:
            return Finding(name, False, "its messages go elsewhere", f"set its message webhook to {wanted} (HTTP POST)")
        if wanted and one.sms_method != "POST":
            return Finding(name, False, "its webhook is called by GET", "set it to HTTP POST")
        return Finding(name, True, "webhook set" if wanted else "exists")

    return check


def _verifiable(twilio: TwilioSettings) -> Finding:
    ok = twilio.signing_secret is not None
    return Finding("signature", ok, "" if ok else "incoming requests cannot be verified", "" if ok else "set auth_token")


def _reachable(surroundings: Surroundings) -> Finding:
    url = surroundings.webhook_url or ""
    local = web.is_local(url)
    hint = "set PAYVAND_PUBLIC_URL to the https address that the internet sees" if local or not url.startswith("https:") else ""
    return Finding("webhook", bool(url) and not local, url or "the hub has no public URL", hint)


async def _probe_gateway(gateway: GatewaySettings, surroundings: Surroundings) -> list[Finding]:
    """The gateway's host answers; whether it likes our login only a message would show."""
    findings = [_reachable(surroundings)]
    parts = urlsplit(gateway.send.url)
    client = web.client(min(gateway.timeout, 10))
    try:
        reply = await web.ask(client, client.build_request("HEAD", f"{parts.scheme}://{parts.netloc}/"))
        findings.append(Finding("gateway", reply.status < 500, f"answers {reply.status}"))
    except SendError as error:
        findings.append(Finding("gateway", False, error.message, "is the host of send.url right, and reachable from here?"))
    finally:
        await client.aclose()
    plain = parts.scheme == "https" or (parts.hostname or "") in ("127.0.0.1", "localhost", "::1")
    findings.append(Finding("encryption", plain, "" if plain else "secrets travel in clear", "" if plain else "use https"))
    if gateway.incoming is None:
        findings.append(Finding("incoming", True, "this inbox takes no messages in", "map them in the table incoming"))
    return findings
