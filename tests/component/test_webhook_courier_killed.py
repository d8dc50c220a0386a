"""A courier that is killed: a process of its own, `kill -9` while an endpoint has the event and has not answered."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import environ

import httpx
import psutil

from runtime.service import Kit
from runtime.settings import Settings
from tests.component.test_stream import received, writing
from tests.component.webhook_parts import Hub, Receiver, new_key, receiver
from tests.local_parts import free_port

__all__ = ("receiver",)


def environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        **environ,
        "PAYVAND_DATABASE_URL": settings.database_url.get_secret_value(),
        "PAYVAND_REDIS_URL": settings.redis_url.get_secret_value(),
        "PAYVAND_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "PAYVAND_KAFKA_GROUPS": "false",
        "PAYVAND_KAFKA_IDEMPOTENT": "false",
        "PAYVAND_KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "PAYVAND_SECRET_KEY": settings.secret_key.get_secret_value(),
        "PAYVAND_DATA_DIR": str(settings.data_dir),
        "PAYVAND_HTTP_PORT": str(port),
        "PAYVAND_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        "PAYVAND_STREAM_LOOK_SECONDS": "0.05",
    }


@asynccontextmanager
async def notifier(settings: Settings, client: httpx.AsyncClient) -> AsyncIterator[psutil.Process]:
    """`payvand service notifier`, ready; the client is pointed at it. Killed at the end, if it still runs."""
    port = free_port()
    program = ("-c", "from hub.cli import main; main()", "service", "notifier")
    process = await asyncio.create_subprocess_exec(sys.executable, *program, env=environment(settings, port))
    client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(120):
            while not await ready(client):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_an_event_under_way_when_the_courier_is_killed_comes_again_and_nothing_is_lost(
    receiver: Receiver, settings: Settings
) -> None:
    key = await new_key(settings, "webhooks:read", "webhooks:write", "contacts:read")
    kit = Kit(settings, "notifier")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False) as client:
        hub = Hub(client, kit)
        async with notifier(settings, client) as courier, writing(settings) as write:
            webhook = await hub.subscribe(receiver)
            await write(received("0"), received("1"))
            await hub.until(webhook, ["delivered"] * 2)
            receiver.gate.clear()
            await write(received("2"), received("3"), received("4"))
            await receiver.until(3)
            courier.kill()
        async with kit.transaction() as unit:
            [left] = await unit.rows("SELECT lease_by FROM notifier.webhooks WHERE lease_until > now()")
            await unit.run("UPDATE notifier.webhooks SET lease_until = now() - interval '1 second'")
        receiver.gate.set()
        async with notifier(settings, client):
            await hub.until(webhook, ["delivered"] * 5)
    await kit.close()
    assert left.lease_by
    assert receiver.texts == ["0", "1", "2", "2", "3", "4"]
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert ids[2] == ids[3]
    assert len(set(ids)) == 5
