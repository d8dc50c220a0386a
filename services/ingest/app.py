"""Ingest's composition root."""

from runtime.service import Kit, Service
from services.ingest.adapters import http_events
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.handlers import Accept
from services.ingest.settings import IngestSettings


def build(kit: Kit) -> Service:
    """Put ingest together."""
    settings = IngestSettings()
    accept = Accept(kit.settings.secret_key.get_secret_value())
    commits = GroupCommit(kit.transaction, accept, settings.commit_events)
    return Service(
        "ingest",
        routers=(http_events.router(commits, settings.max_batch_events),),
        tasks=(commits.run,),
    )
