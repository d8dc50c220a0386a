"""The composition root of the notifier."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from channels.inboxes import configured
from runtime import metrics
from runtime.errors import Misconfigured
from runtime.file_links import FileLinks
from runtime.keys import keyed_hash
from runtime.objects import Objects
from runtime.service import Kit, Service
from runtime.settings import Settings
from runtime.stage import Stage
from services.notifier.adapters import integrations
from services.notifier.adapters.outlets import outlet
from services.notifier.adapters.postgres_contacts import PostgresContacts, PostgresSuppressions
from services.notifier.adapters.postgres_queue import PostgresQueue
from services.notifier.adapters.postgres_replies import PostgresReplies
from services.notifier.adapters.sender import Line, Pace, Sender
from services.notifier.domain.choice import Route
from services.notifier.domain.delivery import Delivery
from services.notifier.domain.reply import Patience
from services.notifier.domain.retry import RetryPolicy
from services.notifier.handlers import TOPICS, Notifier, Rules, Stores
from services.notifier.settings import NotifierSettings, StreamSettings

NAME = "notifier"
WEBCHAT = "webchat"


def build(kit: Kit) -> Service:
    """The notifier: one stage that takes replies, contacts, opt-out words and receipts; one task that sends; the stream."""
    settings = NotifierSettings()
    awake = asyncio.Event()
    notifier = make_notifier(kit.settings, settings, awake.set)
    sender = Sender(notifier, lines(kit, settings), kit.transaction, kit.clock, pace(settings), awake)
    outwards = integrations.build(kit, StreamSettings())
    return Service(
        NAME,
        stages=(Stage(NAME, TOPICS, notifier.handle, unhurried=True),),
        routers=outwards.routers,
        tasks=(sender.run, *outwards.tasks),
    )


def make_notifier(common: Settings, settings: NotifierSettings, wake: Callable[[], None]) -> Notifier:
    """The use cases over Postgres, with the routes of the configured inboxes."""
    digest = partial(keyed_hash, common.secret_key.get_secret_value(), "suppression")
    stores = Stores(PostgresContacts(), PostgresSuppressions(digest), PostgresReplies(), PostgresQueue())
    patience = Patience(timedelta(hours=settings.worth_hours), timedelta(seconds=settings.contact_seconds))
    rules = Rules(routes(common, settings), RetryPolicy(settings.pauses), patience)
    return Notifier(stores, rules, random.random, wake, _count)


def routes(common: Settings, settings: NotifierSettings) -> tuple[Route, ...]:
    """The inboxes that can send, in the order of payvand.toml: that is also the order of last resort."""
    seen_within = {WEBCHAT: timedelta(seconds=settings.chat_seen_seconds)}
    return tuple(
        Route(
            inbox.channel.name,
            inbox.name,
            inbox.channel.address,
            inbox.channel.name == WEBCHAT,
            seen_within.get(inbox.channel.name),
        )
        for inbox in configured(common)
        if inbox.channel.outbound
    )


def lines(kit: Kit, settings: NotifierSettings) -> dict[str, Line]:
    """An outbound side per inbox that can send. Raises Misconfigured when an inbox's settings break its channel's form."""
    common = kit.settings
    secret, objects = common.secret_key.get_secret_value(), Objects(common)
    lent = outlet(kit.transaction, secret, objects, common.max_attachment_bytes, common.public_url)
    links = FileLinks(secret, common.public_url)
    if links.usable:
        lent = replace(lent, file_url=lambda file: links.link(file, kit.clock.now()))
    return {
        inbox.name: Line(inbox.channel.outbound(inbox.form, lent), settings.sends_at_once)
        for inbox in configured(kit.settings)
        if inbox.channel.outbound
    }


def pace(settings: NotifierSettings) -> Pace:
    """The sender's times."""
    if settings.send_seconds >= settings.lease_seconds:
        raise Misconfigured(
            "PAYVAND_NOTIFIER_SEND_SECONDS must be below PAYVAND_NOTIFIER_LEASE_SECONDS",
            hint="a send has to end before its lease does",
        )
    return Pace(
        lease=timedelta(seconds=settings.lease_seconds),
        send=timedelta(seconds=settings.send_seconds),
        stop=timedelta(seconds=settings.stop_seconds),
        look=timedelta(seconds=settings.look_seconds),
    )


def _count(delivery: Delivery) -> None:
    metrics.DELIVERIES.labels(delivery.channel, delivery.state.value).inc()
