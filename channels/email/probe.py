"""What `payvand channels test` looks at for an email inbox. No mail is sent."""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence

import aiosmtplib
from email_validator import EmailNotValidError, EmailUndeliverableError, caching_resolver, validate_email

from channels.base import Finding, Surroundings
from channels.email.imap_mailbox import connect, translated
from channels.email.refusals import translated as refused
from channels.email.settings import EmailInboxSettings, ImapSettings
from runtime.errors import PayvandError
from runtime.settings import Settings

_SECONDS = 20.0
_DNS_SECONDS = 5


async def probe(form: EmailInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """DNS of our own domain, the relay up to its login, then the mailbox or the built-in receiver. Never raises."""
    checks: list[tuple[str, Awaitable[list[Finding]]]] = [
        ("dns", asyncio.to_thread(_dns, form)),
        ("relay", _relay(form)),
        ("imap", asyncio.to_thread(_imap, form.imap)) if form.imap else ("receiver", _receiver()),
    ]
    found = await asyncio.gather(*(_guarded(name, check) for name, check in checks))
    return [finding for findings in found for finding in findings]


async def _guarded(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await asyncio.wait_for(check, 2 * _SECONDS)
    except Exception as error:
        return [Finding(name, ok=False, detail=f"the check itself failed ({type(error).__name__})")]


def _dns(form: EmailInboxSettings) -> list[Finding]:
    try:
        resolver = caching_resolver(timeout=_DNS_SECONDS)
        checked = validate_email(form.address, dns_resolver=resolver, globally_deliverable=False)
        hosts = ", ".join(host for _, host in sorted(checked.mx or [])) if not checked.mx_fallback_type else ""
        hint = "" if hosts else f"no MX record: mail goes to the address of {form.domain} itself"
        found = [Finding("dns.mx", ok=True, detail=hosts, hint=hint)]
    except EmailUndeliverableError:
        return [Finding("dns.mx", ok=False, detail=f"{form.domain} takes no mail", hint="add an MX record for the domain")]
    except EmailNotValidError:
        return [
            Finding("dns.mx", ok=False, detail="the address is not valid", hint="set address to one such as help@shop.example")
        ]
    except Exception as error:
        return [Finding("dns.mx", ok=False, detail=f"the domain name service does not answer ({type(error).__name__})")]
    return [
        *found,
        _policy("dns.spf", form.domain, "v=spf1", resolver, "add a TXT record `v=spf1 … -all` that names the relay"),
        _policy("dns.dmarc", f"_dmarc.{form.domain}", "v=dmarc1", resolver, "add a TXT record `v=DMARC1; p=…`"),
    ]


def _policy(check: str, name: str, begins: str, resolver: object, hint: str) -> Finding:
    try:
        answers = resolver.resolve(name, "TXT")  # type: ignore[attr-defined]
        texts = ["".join(part.decode("ascii", "replace") for part in answer.strings) for answer in answers]
    except Exception:
        texts = []
    record = next((text for text in texts if text.lower().startswith(begins)), "")
    return Finding(check, ok=bool(record), detail=record[:200], hint="" if record else hint)


async def _relay(form: EmailInboxSettings) -> list[Finding]:
    relay = form.relay
    where = f"{relay.host}:{relay.port}"
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        local_hostname=form.domain,
        use_tls=relay.tls,
        start_tls={"required": True, "offered": None, "never": False}[relay.starttls] if not relay.tls else False,
        username=relay.username,
        password=relay.password.get_secret_value() if relay.password else None,
        timeout=min(relay.timeout, _SECONDS),
    )
    try:
        await client.connect()
        await client.noop()
        login = "logged in" if relay.username else "without a login"
        safe = "encrypted" if client.get_transport_info("sslcontext") is not None else "not encrypted"
        return [Finding("relay", ok=True, detail=f"{where} answers, {login}, {safe}")]
    except (aiosmtplib.SMTPException, OSError, ValueError, ssl.SSLError) as error:
        problem = refused(error, "connect")
        hint = "check host, port, tls and starttls; then username and password"
        return [Finding("relay", ok=False, detail=f"{where}: {problem.message}", hint=hint)]
    finally:
        client.close()


def _imap(imap: ImapSettings) -> list[Finding]:
    try:
        client = connect(imap)
    except Exception as error:
        problem = error if isinstance(error, PayvandError) else translated(error, imap, "")
        return [
            Finding("imap.login", ok=False, detail=problem.message, hint=problem.hint or "check host, port, tls and starttls")
        ]
    try:
        idle = "with IDLE" if client.has_capability("IDLE") else f"without IDLE: asked every {imap.poll_seconds:g} s"
        found = [Finding("imap.login", ok=True, detail=f"{imap.host}:{imap.port}, {idle}")]
        there = {str(name).lower() if str(name).upper() == "INBOX" else str(name) for _, _, name in client.list_folders()}
        listed = ", ".join(sorted(there))[:300]
        for folder in imap.folders:
            known = folder in there or folder.upper() == "INBOX"
            detail = f"{client.folder_status(folder, ['MESSAGES'])[b'MESSAGES']} mails" if known else "there is no such folder"
            found.append(
                Finding(f"imap.folder.{folder}", ok=known, detail=detail, hint="" if known else f"there are: {listed}")
            )
        return found
    except Exception as error:
        return [*found, Finding("imap.folders", ok=False, detail=f"could not be listed ({type(error).__name__})")]
    finally:
        client.shutdown()


async def _receiver() -> list[Finding]:
    settings = Settings()
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(settings.smtp_host, settings.smtp_port)
            greeting = await reader.readline()
            writer.close()
    except OSError:
        greeting = b""
    ok = greeting.startswith(b"220")
    hint = "" if ok else "start the hub, or set PAYVAND_SMTP_HOST and PAYVAND_SMTP_PORT to where it listens"
    return [Finding("receiver", ok=ok, detail=f"{where} {'greets' if ok else 'does not answer'}", hint=hint)]
