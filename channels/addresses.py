"""Whether a text is an email address; shared by every channel that is told one."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

_PLAIN_LOCAL = re.compile(r"[a-z0-9_+-]{1,32}(?:\.[a-z0-9_+-]{1,31})?")
_DOMAIN = re.compile(r"[a-z0-9.-]{1,180}")


def mailbox(address: str) -> str | None:
    """The normalised address, or None when it is none. Deliverability is not checked; private domains are allowed."""
    address = address.strip()
    local, _, domain = address.partition("@")
    # Many addresses share a domain, and there is nothing to tell about a plain name in front of it.
    if _PLAIN_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain):
        return address if _takes_mail(domain) else None
    return _checked(address)


@lru_cache(maxsize=4_096)
def _takes_mail(domain: str) -> bool:
    return _checked(f"a@{domain}") == f"a@{domain}"


def _checked(address: str) -> str | None:
    try:
        checked = validate_email(
            address, check_deliverability=False, globally_deliverable=False, allow_quoted_local=False, strict=True
        )
    except (EmailNotValidError, ValueError):
        return None
    return checked.normalized
