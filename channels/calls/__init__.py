"""Calls: a PBX or provider tells of them in logs and callbacks; missed ones become work. See README.md."""

from collections.abc import Sequence

from channels.base import Channel, Finding, Source, Surroundings
from channels.calls.inbound import CallInbound
from channels.calls.settings import CallInboxSettings
from schemas.values import IdentifierType


def _source(form: CallInboxSettings) -> Source | None:
    """The follower of the log, for inboxes that name files."""
    from channels.calls.source import CallSource  # noqa: PLC0415 - only where a log is followed

    return CallSource(form) if form.files else None


async def _probe(form: CallInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    from channels.calls.probe import probe  # noqa: PLC0415

    return await probe(form, surroundings)


CALL = Channel("call", CallInboxSettings, CallInbound, None, IdentifierType.PHONE, source=_source, probe=_probe)
