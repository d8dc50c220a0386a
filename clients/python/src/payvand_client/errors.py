"""What can go wrong.

PayvandError
├── Problem      the hub said no, and why (RFC 9457)
└── Unreachable  no answer came, also after all retries
"""

from typing import Any

import httpx


class PayvandError(Exception):
    """Root of all that this package raises on purpose."""


class Problem(PayvandError):
    """The hub's own words: `type` is stable, `field` and `hint` say what is at fault and what would be right.

    `errors` lists every fault where the hub found several. `retry_after` is in seconds, when the hub says.
    """

    def __init__(self, status: int, told: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.type = str(told.get("type") or "about:blank")
        self.title = str(told.get("title") or "")
        self.detail = str(told.get("detail") or f"the hub answered {status}")
        self.field: str | None = told.get("field")
        self.hint: str | None = told.get("hint")
        self.errors: list[dict[str, str]] = told.get("errors") or []
        self.retry_after = retry_after
        hint = f" ({self.hint})" if self.hint else ""
        super().__init__(f"{status}: {self.detail}{hint}")

    @property
    def slug(self) -> str:
        """The last part of `type`: `not-found`, `conflict`, `too-many` …"""
        return self.type.rpartition("/")[2]

    @classmethod
    def of(cls, answer: httpx.Response, retry_after: float | None = None) -> "Problem":
        """What an answer says is wrong, whoever gave it (a proxy's page has no type)."""
        try:
            told = answer.json()
        except ValueError:
            told = None
        return cls(answer.status_code, told if isinstance(told, dict) else {}, retry_after)


class Unreachable(PayvandError):
    """The connection could not be made or broke. What was asked for may have been done: the same call again is safe."""
