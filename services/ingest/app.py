"""Ingest's composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import cast

from channels.base import Fetcher, Inbound
from channels.email.settings import EmailInboxSettings
from channels.inboxes import Inbox, configured
from channels.telegram.link import deep_link
from channels.telegram.settings import TelegramInboxSettings
from channels.webchat.inbound import WebchatInbound
from channels.webchat.settings import WebchatInboxSettings
from runtime.errors import Misconfigured
from runtime.file_links import FileLinks
from runtime.limits import Rate
from runtime.objects import Objects
from runtime.service import Kit, Service
from runtime.stage import Stage
from schemas.topics import WEBCHAT_OUTGOING
from services.ingest.adapters import chat, chat_files, chat_http, http_events, linked_files, sources, unsubscribe, webhooks
from services.ingest.adapters.chat_people import People
from services.ingest.adapters.files import Terms, WantedFiles
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.adapters.inputs import RefusedInputs
from services.ingest.adapters.mail import MailServer
from services.ingest.adapters.receiving import Keeping, Receiver
from services.ingest.adapters.sources import InboxIntake, InboxSource
from services.ingest.adapters.transcripts import Transcripts
from services.ingest.adapters.visitors import Visitors
from services.ingest.handlers import Accept, RememberChatMessages
from services.ingest.settings import IngestSettings


@dataclass(frozen=True)
class Parts:
    """What the faces of ingest share."""

    kit: Kit
    settings: IngestSettings
    inboxes: tuple[Inbox, ...]
    receivers: dict[str, Receiver]


def build(kit: Kit) -> Service:
    """Put ingest together."""
    settings = IngestSettings()
    inboxes = tuple(inbox for inbox in configured(kit.settings) if inbox.channel.inbound)
    objects = Objects(kit.settings)
    files = WantedFiles(_fetchers(inboxes), objects, kit.transaction, _terms(kit, settings))
    secret = kit.settings.secret_key.get_secret_value()
    commits = GroupCommit(kit.transaction, Accept(secret, files.wake), settings.commit_events)
    keeping = Keeping(commits, objects, kit.transaction, secret, kit.settings.max_attachment_bytes)
    parts = Parts(kit, settings, inboxes, {inbox.name: _receiver(inbox, keeping) for inbox in inboxes})
    visitors = Visitors(kit.cache)
    chats = _chats(parts, visitors)
    hooks = _webhooks(parts)
    return Service(
        "ingest",
        stages=(Stage("webchat", (WEBCHAT_OUTGOING,), RememberChatMessages(visitors)),),
        routers=(
            http_events.router(commits, settings.max_batch_events, Rate(kit.cache, "events", settings.events_per_minute)),
            chat.router(chats),
            chat_http.router(chat_http.ChatRequests(chats, kit.settings.max_attachment_bytes)),
            chat_files.router(_chat_files(parts, chats, objects)),
            unsubscribe.router(_mail_forms(parts)),
            webhooks.router(hooks),
            linked_files.router(_linked_files(kit, settings, objects)),
        ),
        tasks=(
            *(commits.run, _mail(parts).run, partial(visitors.listen, chats.transcripts.seen), files.run),
            RefusedInputs(parts.receivers, kit.transaction).run,
            partial(sources.run_all, _sources(parts)),
        ),
        larger_bodies={"/channels/": hooks.max_bytes, "/chat/": kit.settings.max_attachment_bytes},
    )


def _receiver(inbox: Inbox, keeping: Keeping) -> Receiver:
    if inbox.channel.inbound is None:
        raise TypeError(f"{inbox.channel.name} takes nothing in")
    inbound: Inbound = inbox.channel.inbound(inbox.form)
    return Receiver(inbox.name, inbox.channel.name, inbound, keeping)


def _chats(parts: Parts, visitors: Visitors) -> chat.Chat:
    kit, settings = parts.kit, parts.settings
    return chat.Chat(
        {
            inbox.name: _chat(inbox.form, parts.receivers[inbox.name], parts.inboxes)
            for inbox in parts.inboxes
            if isinstance(inbox.form, WebchatInboxSettings)
        },
        Transcripts(kit.transaction, kit.reading, settings.chat_history),
        visitors,
        People(kit.transaction, kit.reading),
        kit.clock,
        chat.Rates(
            settings.chat_messages_per_minute,
            Rate(kit.cache, "chat-peers", settings.chat_peer_messages_per_minute),
            Rate(kit.cache, "chat-connections", settings.chat_connections_per_minute),
        ),
    )


def _chat_files(parts: Parts, chats: chat.Chat, objects: Objects) -> chat_files.ChatFiles:
    rate = Rate(parts.kit.cache, "chat-files", parts.settings.chat_files_per_minute)
    return chat_files.ChatFiles(chats, objects, rate, parts.kit.settings.max_attachment_bytes)


def _chat(form: WebchatInboxSettings, receiver: Receiver, inboxes: tuple[Inbox, ...]) -> chat.ChatInbox:
    return chat.ChatInbox(form, cast(WebchatInbound, receiver.inbound), receiver, _link(form.telegram, inboxes))


def _link(name: str | None, inboxes: tuple[Inbox, ...]) -> Callable[[str, datetime], str | None] | None:
    """Where a visitor of this chat may go on in Telegram; None when no bot is named."""
    if name is None:
        return None
    bot = next((inbox.form for inbox in inboxes if inbox.name == name), None)
    if not isinstance(bot, TelegramInboxSettings) or bot.username is None:
        raise Misconfigured(
            f"a web chat names {name!r} as its Telegram inbox", hint="name an inbox of channel telegram that has a `username`"
        )
    return partial(deep_link, bot)


def _mail(parts: Parts) -> MailServer:
    forms = _mail_forms(parts)
    return MailServer(parts.kit.settings, forms, {name: parts.receivers[name] for name in forms})


def _mail_forms(parts: Parts) -> dict[str, EmailInboxSettings]:
    return {inbox.name: inbox.form for inbox in parts.inboxes if isinstance(inbox.form, EmailInboxSettings)}


def _webhooks(parts: Parts) -> webhooks.Webhooks:
    """Every inbox that takes something in and has no face of its own, as the web chat does. Mail is only unsubscribed from."""
    kit, settings = parts.kit, parts.settings
    hooks = {
        inbox.name: webhooks.Hook(
            parts.receivers[inbox.name],
            int(getattr(inbox.form, "max_webhook_bytes", settings.max_webhook_bytes)),
            by_get=bool(getattr(inbox.form, "takes_get", False)),
        )
        for inbox in parts.inboxes
        if not isinstance(inbox.form, WebchatInboxSettings)
    }
    rate = Rate(kit.cache, "webhooks", settings.webhooks_per_minute)
    return webhooks.Webhooks(hooks, kit.settings.public_url, rate, kit.clock)


def _linked_files(kit: Kit, settings: IngestSettings, objects: Objects) -> linked_files.LinkedFiles:
    links = FileLinks(kit.settings.secret_key.get_secret_value())
    rate = Rate(kit.cache, "linked-files", settings.linked_files_per_minute)
    return linked_files.LinkedFiles(links, objects, rate, kit.clock)


def _sources(parts: Parts) -> list[sources.InboxSource]:
    return [
        InboxSource(
            partial(make, inbox.form), InboxIntake(parts.receivers[inbox.name], parts.kit.transaction), parts.kit.database
        )
        for inbox in parts.inboxes
        if (make := inbox.channel.source) is not None
    ]


def _fetchers(inboxes: tuple[Inbox, ...]) -> dict[str, Callable[[], Fetcher]]:
    return {inbox.name: partial(make, inbox.form) for inbox in inboxes if (make := inbox.channel.fetcher) is not None}


def _terms(kit: Kit, settings: IngestSettings) -> Terms:
    return Terms(settings.files_at_once, settings.file_seconds, settings.file_attempts, kit.settings.max_attachment_bytes)
