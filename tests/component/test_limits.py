"""How much a caller may do in a minute, on a real Valkey: shared by processes, weighed, not in the way when it is away."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from runtime.access import ApiKeys
from runtime.database import Database
from runtime.errors import TooMany
from runtime.limits import Rate
from runtime.settings import Settings
from tests.component.test_accept_and_identify import BATCH, cloud_event

Serve = Callable[[str], Awaitable[str]]


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[Redis]:
    found = Redis.from_url(redis_url)
    yield found
    await found.aclose()


@pytest.fixture
def name() -> str:
    """A limit that no other test counts."""
    return f"test-{uuid4()}"


async def allowed(rate: Rate, caller: str, cost: int = 1, tries: int = 1_000) -> int:
    """How often the caller got through."""
    for done in range(tries):
        try:
            await rate.spend(caller, cost)
        except TooMany:
            return done
    return tries


async def test_each_caller_has_the_limit_and_costs_are_weighed(cache: Redis, name: str) -> None:
    rate = Rate(cache, name, 50)
    assert await allowed(rate, "a") == 50
    assert await allowed(rate, "b", cost=20) == 2
    assert await allowed(rate, "c", cost=1_000) == 1
    with pytest.raises(TooMany) as refused:
        await rate.spend("a")
    assert 0 < refused.value.retry_after <= 60


async def test_processes_share_the_limit_but_for_a_portion_each(cache: Redis, name: str) -> None:
    one, other = Rate(cache, name, 500), Rate(cache, name, 500)
    total = 0
    for _ in range(300):
        await one.spend("a")
        total += 1
    total += await allowed(other, "a")
    assert 495 <= total <= 500


async def test_most_requests_ask_nobody(cache: Redis, name: str) -> None:
    rate = Rate(cache, name, 10_000)
    await rate.spend("a")
    before = (await cache.info("stats"))["total_commands_processed"]
    for _ in range(99):
        await rate.spend("a")
    assert (await cache.info("stats"))["total_commands_processed"] - before <= 3


async def test_without_the_cache_and_without_a_limit_everybody_gets_through(name: str) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    assert await allowed(Rate(nowhere, name, 5), "a", tries=20) == 20
    assert await allowed(Rate(nowhere, name, 0), "a", tries=20) == 20
    await nowhere.aclose()


async def test_an_integrator_over_the_rate_gets_a_problem_and_another_key_goes_on(
    serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVAND_INGEST_EVENTS_PER_MINUTE", "25")
    database = Database(settings, "test")
    keys = [await ApiKeys(database).create(name, ("events:write",)) for name in ("greedy", "modest")]
    await database.close()
    async with httpx.AsyncClient(base_url=await serve("ingest")) as client:

        async def post(key: str, first: int) -> httpx.Response:
            events = json.dumps([cloud_event(f"e{n}", "a@example.com") for n in range(first, first + 10)])
            return await client.post("/v1/events", headers={**BATCH, "authorization": f"Bearer {key}"}, content=events)

        answers = [await post(keys[0], n * 10) for n in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert answers[2].headers["content-type"] == "application/problem+json"
        assert 1 <= int(answers[2].headers["retry-after"]) <= 60
        interaction = cloud_event("x", "a@example.com")["data"]
        single = await client.post("/v1/interactions", headers={"authorization": f"Bearer {keys[0]}"}, json=interaction)
        assert single.status_code == 429
        assert (await post(keys[1], 100)).status_code == 202
