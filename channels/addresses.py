"""Whether a text is an email address; shared by every channel that is told one."""

from email_validator import EmailNotValidError, validate_email


def mailbox(address: str) -> str | None:
    """The normalised address, or None when it is none. Deliverability is not checked; private domains are allowed."""
    try:
        checked = validate_email(
            address.strip(), check_deliverability=False, globally_deliverable=False, allow_quoted_local=False, strict=True
        )
    except (EmailNotValidError, ValueError):
        return None
    return checked.normalized
