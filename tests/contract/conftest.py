"""Fixtures that several contract tests share."""

from tests.contract.telegram_side import side

__all__ = ["side"]
