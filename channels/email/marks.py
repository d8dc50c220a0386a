"""What a mail's headers say about how it came to be: machine-made, from a list, authenticated."""

import re
from collections.abc import Sequence

from channels.email.structure import Mail

_VERDICT = re.compile(r"(?:^|[;\s])(spf|dkim|dmarc)\s*=\s*([a-z]{1,12})", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_MOST_HOPS = 100
_BULK = frozenset({"bulk", "junk", "list"})


def automatic(mail: Mail, envelope_from: str) -> str:
    """`auto-replied`, `auto-generated`, `list` or empty: RFC 3834, RFC 2919 and the older habits. Such mail gets no
    automatic answer.
    """
    declared = mail.first("auto-submitted").partition(";")[0].strip().lower()
    if declared and declared != "no":
        return "auto-replied" if declared.startswith("auto-replied") else "auto-generated"
    if any(mail.first(name) for name in ("x-autoreply", "x-autorespond", "x-auto-response-suppress-reply")):
        return "auto-replied"
    if mail.first("precedence").lower() == "auto_reply":
        return "auto-replied"
    if mail.first("list-id") or mail.first("list-unsubscribe") or mail.first("precedence").lower() in _BULK:
        return "list"
    return "auto-generated" if envelope_from == "<>" else ""


def looped(mail: Mail, addresses: Sequence[str]) -> bool:
    """Whether the mail has been through here before (`X-Loop`, which our mails carry) or goes round (RFC 5321, 6.3)."""
    own = {address.lower() for address in addresses}
    marked = any(value.strip().lower() in own for value in mail.headers.get("x-loop", []))
    return marked or len(mail.headers.get("received", [])) > _MOST_HOPS


def verdicts(mail: Mail, authserv: str | None) -> dict[str, str]:
    """SPF, DKIM and DMARC as our own relay judged them (RFC 8601): only its topmost header counts, any other may be forged."""
    results = mail.headers.get("authentication-results", [])
    if authserv is None or not results:
        return {}
    topmost = _COMMENT.sub(" ", results[0][:4_000])
    server, _, rest = topmost.partition(";")
    if server.split()[:1] != [authserv]:
        return {}
    found: dict[str, str] = {}
    for method, verdict in _VERDICT.findall(rest):
        found.setdefault(method.lower(), verdict.lower())
    return found
