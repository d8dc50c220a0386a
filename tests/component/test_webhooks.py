"""Providers' requests over real HTTP into ingest: verified, committed, answered, and kept when they make no event."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from typer.testing import CliRunner

from hub.cli import app
from runtime.keys import keyed_hash
from runtime.service import Kit
from runtime.settings import Settings
from schemas.envelope import derived_id
from tests.component import postbox
from tests.component.postbox import KEY, PostboxInbound

Serve = Callable[[str], Awaitable[str]]


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    postbox.install(monkeypatch)
    return postbox.with_postbox(settings, public_url="https://hub.example:8443/")


@pytest.fixture
async def provider(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=await serve("ingest"), headers=KEY) as client:
        yield client


@pytest.fixture
async def fifty_a_minute(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVAND_INGEST_WEBHOOKS_PER_MINUTE", "50")
    kit = Kit(settings, "test")
    await kit.cache.flushdb()
    await kit.close()


async def rows(settings: Settings, sql: str) -> list[Any]:
    kit = Kit(settings, "ingest")
    async with kit.reading() as unit:
        found = list(await unit.rows(sql))
    await kit.close()
    return found


async def emitted(settings: Settings, topic: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(id, key, payload) of what stands in the outbox for a topic, repeats included."""
    found = []
    for row in await rows(settings, "SELECT topics, keys, headers, payloads FROM ingest.outbox ORDER BY id"):
        for name, key, headers, payload in zip(row.topics, row["keys"], row.headers, row.payloads, strict=True):
            if name == topic:
                found.append((dict(json.loads(headers))["ce_id"], key.decode(), json.loads(payload)))
    return found


async def test_a_message_is_answered_after_its_commit_and_a_redelivery_is_the_same(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    for _ in range(2):
        answer = await provider.post("/channels/line", json={"id": "m1", "message": "hello", "answer": "<ok/>"})
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "<ok/>", "text/xml; charset=utf-8")
    [row] = await rows(settings, "SELECT interaction_id, payload FROM ingest.interactions")
    assert row.interaction_id == derived_id("inbox:line", "m1")
    assert row.payload["text"] == "hello"


async def test_without_an_answer_of_the_channel_it_is_an_empty_204(provider: httpx.AsyncClient) -> None:
    answer = await provider.post("/channels/line/status", json={"receipts": [str(uuid4())]})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_the_channel_sees_the_public_address_whatever_the_request_claims(provider: httpx.AsyncClient) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=e"}
    await provider.post("/channels/line/st%20atus?a=%2F&b=1", headers=forged, json={})
    [raw] = PostboxInbound.seen
    assert raw.url == "https://hub.example:8443/channels/line/st%20atus?a=%2F&b=1"
    assert raw.peer == "127.0.0.1"
    assert raw.headers["x-key"] == "open-sesame"


async def test_who_is_not_the_provider_is_refused_and_nothing_is_parsed_or_kept(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await provider.post("/channels/line", headers={"x-key": "wrong"}, json={"id": "m1", "message": "forged"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert not PostboxInbound.seen
    assert not await rows(settings, "SELECT 1 FROM ingest.refused_inputs UNION SELECT 1 FROM ingest.interactions")


async def test_what_makes_no_event_is_taken_kept_raw_once_and_without_secrets(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    for _ in range(2):
        answer = await provider.post("/channels/line?a=1", headers={"Authorization": "Basic abc"}, content=b"{not json")
        assert (answer.status_code, answer.content) == (202, b"")
    [row] = await rows(settings, "SELECT * FROM ingest.refused_inputs")
    assert (row.code, row.reason, bytes(row.body), row.state) == ("unreadable", "send JSON", b"{not json", "refused")
    assert row.url.endswith("/channels/line?a=1")
    assert "authorization" not in row.headers


async def test_an_event_that_the_log_cannot_hold_is_kept_and_taken_not_sent_for_ever(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    body = json.dumps({"id": "m1", "message": "\U0001f600" * 16_000}, ensure_ascii=False).encode()
    assert (await provider.post("/channels/line", content=body)).status_code == 202
    [row] = await rows(settings, "SELECT code, body FROM ingest.refused_inputs")
    assert (row.code, bytes(row.body)) == ("too-large", body)
    assert not await rows(settings, "SELECT 1 FROM ingest.interactions")


async def test_a_body_over_the_inbox_limit_is_refused_before_it_is_read(provider: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    assert (await provider.post("/channels/line", content=b"x" * 70_000)).status_code == 413
    assert (await provider.post("/channels/line", content=endless())).status_code == 413
    assert not PostboxInbound.seen
    assert (await provider.post("/channels/line", json={})).status_code == 204


@pytest.mark.parametrize("path", ["/channels/nobody", "/channels/web"])
async def test_an_inbox_that_is_not_called_by_providers_is_not_found(provider: httpx.AsyncClient, path: str) -> None:
    answer = await provider.post(path, json={})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/channels/support", "/channels/support/x", "/channels/support/unsubscribe/x"])
async def test_a_mail_inbox_takes_nothing_but_a_sealed_link(provider: httpx.AsyncClient, settings: Settings, path: str) -> None:
    assert (await provider.post(path, content=b"List-Unsubscribe=One-Click")).status_code == 403
    assert not await rows(settings, "SELECT 1 FROM ingest.interactions UNION ALL SELECT 1 FROM ingest.outbox")


async def test_amendments_keywords_and_receipts_become_events_whose_ids_a_redelivery_repeats(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    delivery = uuid4()
    said = {
        "from": "+15550002222",
        "amend": [{"id": "m1", "change": "edited", "text": "better"}, {"id": "m2", "change": "deleted"}],
        "keywords": [{"id": "m3", "word": "stop"}],
        "receipts": [str(delivery)],
    }
    for _ in range(2):
        assert (await provider.post("/channels/line", json=said)).status_code == 204
    amended = await emitted(settings, "interactions.amended")
    interaction = derived_id("inbox:line", "m1")
    assert (amended[0][1], amended[0][2]["change"], amended[0][2]["text"]) == (str(interaction), "edited", "better")
    assert UUID(amended[1][2]["interaction_id"]) == derived_id("inbox:line", "m2")
    keywords = await emitted(settings, "consents.keywords")
    key = keyed_hash(settings.secret_key.get_secret_value(), "line", "phone", "+15550002222")
    assert (keywords[0][1], keywords[0][2]["keyword"], keywords[0][2]["channel"]) == (key, "stop", "postbox")
    receipts = await emitted(settings, "deliveries.receipts")
    assert receipts[0][1] == str(delivery)
    for found, different in ((amended, 2), (keywords, 1), (receipts, 1)):
        assert len(found) == 2 * different
        assert len({id for id, _, _ in found}) == different


async def test_over_the_rate_a_peer_is_told_when_to_come_again(fifty_a_minute: None, provider: httpx.AsyncClient) -> None:
    answers = [await provider.post("/channels/line", json={}) for _ in range(51)]
    assert {answer.status_code for answer in answers[:50]} == {204}
    last = answers[-1]
    assert (last.status_code, last.headers["content-type"]) == (429, "application/problem+json")
    assert 1 <= int(last.headers["retry-after"]) <= 60


async def payvand(*args: str) -> Any:
    """A command's output on the settings in the environment, with the exit code."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["inputs", *args])


async def test_a_refused_input_is_accepted_once_when_the_code_has_learnt_it(
    provider: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVAND_DATABASE_URL", settings.database_url.get_secret_value())
    await provider.post("/channels/line", json={"id": "m9", "message": "from the future", "version": 2})
    await provider.post("/channels/line", json={"id": "m10", "message": "from further on", "version": 3})
    listed = json.loads((await payvand("list", "--json", "--inbox", "line")).output)
    assert [(row["code"], row["state"]) for row in listed] == [("version", "refused")] * 2
    assert "from the future" not in json.dumps(listed)
    shown = json.loads((await payvand("show", listed[0]["id"], "--content")).output)
    assert json.loads(shown["body"])["message"] == "from the future"
    assert (await payvand("retry")).exit_code == 1
    monkeypatch.setattr(PostboxInbound, "version", 2)
    assert "2 to be tried again" in (await payvand("retry", "--all")).output

    # Not by the command: while it runs, what the hub logs in this process would stand in its output.
    async def tried() -> list[Any]:
        sql = "SELECT state, attempts, resolved_at IS NOT NULL AS done FROM ingest.refused_inputs ORDER BY received_at"
        found = await rows(settings, sql)
        return found if all(row.attempts == 1 for row in found) else []

    assert [(row.state, row.done) for row in await postbox.eventually(tried)] == [("resolved", True), ("refused", False)]
    [row] = await rows(settings, "SELECT interaction_id FROM ingest.interactions")
    assert row.interaction_id == derived_id("inbox:line", "m9")


async def test_while_the_record_is_away_the_provider_is_asked_to_come_again(
    provider: httpx.AsyncClient, settings: Settings
) -> None:
    kit = Kit(settings, "ingest")
    async with kit.database.session() as session:
        await session.rows("SELECT pg_advisory_lock(1)")
        await session.run("BEGIN")
        await session.run("LOCK TABLE ingest.interactions IN ACCESS EXCLUSIVE MODE")
        posting = asyncio.create_task(provider.post("/channels/line", json={"id": "m1", "message": "hello"}))
        await asyncio.sleep(0.3)
        await session.rows(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"""
        )
        answer = await posting
    await kit.close()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert (await provider.post("/channels/line", json={"id": "m1", "message": "hello"})).status_code == 204
