"""Puts the integrators' side together: the public stream and the webhooks that it feeds."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from ipaddress import ip_network

from fastapi import APIRouter

from runtime.errors import Misconfigured
from runtime.following import Following
from runtime.outbox import FOLLOWER
from runtime.secrets import SecretBox
from runtime.service import Kit, Task
from services.notifier.adapters import stream_http, webhook_http
from services.notifier.adapters.stream_feed import Feed, Log, Tide
from services.notifier.adapters.webhook_courier import Courier, Means, Rounds
from services.notifier.adapters.webhook_post import Post
from services.notifier.domain.public_events import TOPICS
from services.notifier.domain.webhooks import Reach, Terms
from services.notifier.settings import StreamSettings


@dataclass(frozen=True, slots=True)
class Outwards:
    """What the service gets."""

    routers: tuple[APIRouter, ...]
    tasks: tuple[Task, ...]


def build(kit: Kit, settings: StreamSettings) -> Outwards:
    """Routes and tasks of the stream and the webhooks. Raises Misconfigured for networks that are none."""
    alive = lambda: kit.ready  # noqa: E731
    tide = Tide(kit.reading, settings.stream_look_seconds, alive)
    log = Log(partial(Following, kit.settings, FOLLOWER, TOPICS), kit.epoch)
    feed = Feed(settings, log, kit.database, kit.transaction, tide)
    places = stream_http.Places(settings.stream_per_key, settings.stream_in_all)
    streams = stream_http.Streams(settings, kit.reading, tide, feed, places, alive)
    box = SecretBox((kit.settings.secret_key, *kit.settings.previous_secret_keys))
    post = Post(reach(settings), settings.webhook_seconds)
    courier = Courier(Means(post, kit.transaction, kit.clock, box), rounds(settings), tide)
    webhooks = webhook_http.Webhooks(settings, kit.transaction, feed, post, courier, box, kit.clock)
    routers = (stream_http.router(streams), webhook_http.router(webhooks))
    return Outwards(routers, (feed.run, tide.run, courier.run))


def reach(settings: StreamSettings) -> Reach:
    """Which addresses webhooks may reach."""
    try:
        return Reach(tuple(ip_network(text) for text in settings.webhook_networks), settings.webhook_ports)
    except ValueError as error:
        raise Misconfigured(
            f"PAYVAND_WEBHOOK_NETWORKS: {error}", hint='networks in CIDR form, such as ["10.1.0.0/16"]'
        ) from error


def rounds(settings: StreamSettings) -> Rounds:
    """When the courier tries again, and how it goes."""
    pauses = tuple(timedelta(seconds=one) for one in settings.webhook_retry_seconds)
    return Rounds(
        Terms(pauses, rest=timedelta(seconds=settings.webhook_rest_seconds)),
        at_once=settings.webhooks_at_once,
        look=settings.stream_look_seconds,
        keep=timedelta(days=settings.stream_days),
        lease=timedelta(seconds=2 * settings.webhook_seconds + 15),
    )
