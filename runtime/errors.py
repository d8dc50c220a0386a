"""The error tree. Every error says whether a retry can help; vendor errors are translated once, at the edge, with `from`.

PayvandError
├── Refused            the caller's input or state is at fault; `field` and `hint` say what would be right
│   ├── NotVerified    signature, secret or token did not hold
│   ├── NotAllowed     known, but without the right
│   ├── NotFound
│   ├── Gone           was there, and is kept no longer
│   └── Conflict       contradicts what is already there
├── Unhandled          this one event cannot be handled, now or later: it goes to the dead letters
├── Transient          passes by itself: retried with backoff
│   └── NotOwner       another process does this work now
└── Misconfigured      ours to mend; `hint` says how
"""

from typing import ClassVar


class PayvandError(Exception):
    """Root of everything Payvand raises on purpose."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint


class Refused(PayvandError):
    """The input or the request is at fault; the same again is refused again."""

    status: ClassVar[int] = 422
    slug: ClassVar[str] = "refused"


class NotVerified(Refused):
    """Who sent it could not be established."""

    status = 401
    slug = "not-verified"


class NotAllowed(Refused):
    """The caller is known but lacks the scope or role."""

    status = 403
    slug = "not-allowed"


class NotFound(Refused):
    """There is no such thing, or it is not the caller's to see."""

    status = 404
    slug = "not-found"


class Gone(Refused):
    """It was there once; what was kept has an end."""

    status = 410
    slug = "gone"


class Conflict(Refused):
    """It contradicts what is stored, such as another body under the same idempotency key."""

    status = 409
    slug = "conflict"


class TooLarge(Refused):
    """Over a stated limit."""

    status = 413
    slug = "too-large"


class TooMany(Refused):
    """Over a rate; `retry_after` is in seconds."""

    status = 429
    slug = "too-many"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unhandled(PayvandError):
    """One event that no retry will help."""


class Transient(PayvandError):
    """Trouble that passes: a broken connection, a lock, a restart."""

    retryable = True


class NotOwner(Transient, ConnectionError):
    """This process does not own the work (yet, or no longer): nothing was written, and another one does it."""


class Misconfigured(PayvandError):
    """The operator must change something; `hint` says what."""
