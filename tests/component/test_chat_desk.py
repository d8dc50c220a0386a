"""Between a web visitor and the agent who has the conversation open: who types, and what was read."""

import asyncio
import json
from typing import Any

from redis.asyncio import Redis

from schemas.domains import Domains
from schemas.values import AgentPresence, Identifier, Sender
from services.desk import handlers
from services.desk.adapters.postgres.commanding import PostgresCommands
from services.desk.adapters.postgres.people import PostgresPeople, PostgresSessions
from tests.component.test_desk_live import Running, desk, hear, kit
from tests.unit.desk.events import CONVERSATION, Story, event

__all__ = ["desk", "kit"]

ABOUT = {"inbox": "web", "visitor_id": "visitor-0123456789ab"}


def chatted(story: Story) -> Any:
    """A visitor writes."""
    said = story.identified("Hello there")
    interaction = said.data.interaction.model_copy(
        update={
            "inbox": "web",
            "channel": "webchat",
            "sender": Sender(identifiers=(Identifier(type="visitor", value=ABOUT["visitor_id"], trust="ephemeral"),)),
        }
    )
    return event(said.data.model_copy(update={"interaction": interaction}), said.id)


async def until_heard(cache: Redis, socket: Any, told: dict[str, str]) -> dict[str, Any]:
    """Tell it again and again: the desk may not be listening yet."""
    while True:
        await cache.publish("payvand:chat:visitor", json.dumps(told))
        try:
            async with asyncio.timeout(0.3):
                return await hear(socket, "typing")
        except TimeoutError:
            continue


async def test_the_agent_who_looks_on_sees_the_visitor_type_and_nobody_else_does(
    desk: Running,
    redis_url: str,
) -> None:
    await desk.project(chatted(Story()))
    async with Redis.from_url(redis_url) as cache, desk.socket("sara") as sara, desk.socket("reza") as reza:
        await hear(sara, "hello")
        await hear(reza, "hello")
        await sara.send(json.dumps({"kind": "viewing", "conversation_id": str(CONVERSATION)}))
        heard = await until_heard(cache, sara, ABOUT)
        expected = {"conversation_id": str(CONVERSATION), "agent_id": "", "name": "", "customer": True}
        assert heard["data"] == expected
        await cache.publish("payvand:chat:visitor", json.dumps(ABOUT | {"visitor_id": "another"}))
        await sara.send(json.dumps({"kind": "typing", "conversation_id": str(CONVERSATION)}))
        assert (await hear(reza, "typing"))["data"]["agent_id"] == "sara"


async def test_an_agent_online_at_the_desk_is_known_to_the_chat(desk: Running, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as cache:
        await cache.delete("payvand:desk:here")
        async with desk.socket("sara") as sara:
            await hear(sara, "hello")
            assert not await cache.exists("payvand:desk:here")
            async with desk.kit.transaction() as unit:
                viewer = await PostgresSessions().viewer(unit, "token-of-sara")
                assert viewer is not None
                await handlers.set_presence(PostgresCommands(Domains()), PostgresPeople(), unit, viewer, AgentPresence.ONLINE)
            await sara.send('{"kind": "ping"}')
            async with asyncio.timeout(60):
                while not await cache.exists("payvand:desk:here"):  # noqa: ASYNC110 - Redis has no event for it
                    await asyncio.sleep(0.05)
        await cache.delete("payvand:desk:here")


async def test_the_visitor_is_told_that_an_agent_read_and_types(
    desk: Running,
    redis_url: str,
) -> None:
    story = Story()
    await desk.project(chatted(story), story.assigned("sara"))
    async with Redis.from_url(redis_url) as cache, cache.pubsub() as chat, desk.socket("sara") as sara:
        await chat.subscribe("payvand:chat:desk")
        await chat.get_message(timeout=5)
        await hear(sara, "hello")
        await sara.send(json.dumps({"kind": "viewing", "conversation_id": str(CONVERSATION)}))
        await sara.send(json.dumps({"kind": "typing", "conversation_id": str(CONVERSATION)}))
        told = [await chat.get_message(timeout=30) for _ in range(2)]
        assert [json.loads(one["data"]) for one in told if one] == [{"kind": kind} | ABOUT for kind in ("seen", "typing")]
