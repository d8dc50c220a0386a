"""Ingest's composition root."""

from typing import cast

from channels.base import Inbound
from channels.email.settings import EmailInboxSettings
from channels.inboxes import Inbox, configured
from channels.webchat.inbound import WebchatInbound
from channels.webchat.settings import WebchatInboxSettings
from runtime.service import Kit, Service
from runtime.stage import Stage
from schemas.topics import WEBCHAT_OUTGOING
from services.ingest.adapters import chat, http_events
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.adapters.mail import MailServer
from services.ingest.adapters.objects import Objects
from services.ingest.adapters.receiving import Receiver
from services.ingest.adapters.transcripts import Transcripts
from services.ingest.adapters.visitors import Visitors
from services.ingest.handlers import Accept, RememberChatMessages
from services.ingest.settings import IngestSettings


def build(kit: Kit) -> Service:
    """Put ingest together."""
    settings = IngestSettings()
    commits = GroupCommit(kit.transaction, Accept(kit.settings.secret_key.get_secret_value()), settings.commit_events)
    visitors = Visitors(kit.cache)
    inboxes = [inbox for inbox in configured(kit.settings) if inbox.channel.inbound]
    receivers = _receivers(kit, inboxes, commits)
    chats = chat.Chat(
        {inbox.name: _chat(inbox, receivers[inbox.name]) for inbox in inboxes if isinstance(inbox.form, WebchatInboxSettings)},
        Transcripts(kit.transaction, kit.reading, settings.chat_history),
        visitors,
        kit.clock,
        settings.chat_messages_per_minute,
    )
    mail_forms = {inbox.name: inbox.form for inbox in inboxes if isinstance(inbox.form, EmailInboxSettings)}
    mail = MailServer(kit.settings, mail_forms, {name: receivers[name] for name in mail_forms})
    return Service(
        "ingest",
        stages=(Stage("webchat", (WEBCHAT_OUTGOING,), RememberChatMessages(visitors)),),
        routers=(http_events.router(commits, settings.max_batch_events), chat.router(chats)),
        tasks=(commits.run, mail.run, visitors.listen),
    )


def _receivers(kit: Kit, inboxes: list[Inbox], commits: GroupCommit) -> dict[str, Receiver]:
    objects = Objects(kit.settings)
    return {
        inbox.name: Receiver(inbox.name, inbox.channel.name, _inbound(inbox), commits, objects, kit.transaction)
        for inbox in inboxes
    }


def _inbound(inbox: Inbox) -> Inbound:
    if inbox.channel.inbound is None:
        raise TypeError(f"{inbox.channel.name} takes nothing in")
    return inbox.channel.inbound(inbox.form)


def _chat(inbox: Inbox, receiver: Receiver) -> chat.ChatInbox:
    return chat.ChatInbox(cast(WebchatInboxSettings, inbox.form), cast(WebchatInbound, receiver.inbound), receiver)
