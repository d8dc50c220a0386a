"""Policies over HTTP on real Postgres: checked, applied, read again, tried out on the recorded log in a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from pydantic_core import from_json

from runtime import http
from runtime.service import Service
from schemas.commands import AcceptOffer, ApplyPolicy, ConfigureQueue, ResolveWork
from schemas.decisions import OfferMade, WorkAssigned
from services.router.adapters import http as router_http
from services.router.adapters import http_policies, replaying
from services.router.adapters.replay_process import Replays
from services.router.adapters.replaying import ReplayRequest, compare
from services.router.adapters.states import States
from services.router.domain.values import Terms
from tests.component.test_router import MakeOwned, Owned, agent, arrival, owned, take_over

__all__ = ("owned", "take_over")

STRICT = "rules: [{name: fa, when: {language: fa}, steps: [{all: {lang.fa: 4}, for: 60s}, {}]}]\ndefault: {queue: general}"
LINES = {"Accept": "application/x-ndjson"}
LOOSE = STRICT.replace("lang.fa: 4", "lang.fa: 1")


@pytest.fixture
async def client(owned: Owned) -> AsyncIterator[httpx.AsyncClient]:
    replays = Replays(owned.kit.database.url)
    routers = (
        router_http.router(States([owned.router], owned.kit.transaction)),
        http_policies.router(States([owned.router], owned.kit.transaction), replays),
    )
    key = await owned.kit.keys.create("test", ("routing:read", "routing:write"))
    transport = httpx.ASGITransport(http.build(owned.kit, Service("router", routers=routers)))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://router", headers=headers, timeout=120) as made:
        yield made


async def test_a_policy_is_applied_as_a_command_and_read_again(owned: Owned, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/policies/current")).json()["version"] == "built-in"
    answer = await client.put("/v1/policies/p1", json={"text": LOOSE})
    assert answer.status_code == 202
    [command] = await owned.told(ApplyPolicy)
    await owned.tell(command)
    listed = (await client.get("/v1/policies")).json()["items"]
    assert [(one["version"], one["in_force"]) for one in listed] == [("built-in", False), ("p1", True)]
    shown = (await client.get("/v1/policies/p1")).json()
    assert (shown["text"], shown["in_force"]) == (LOOSE, True)
    assert (await client.get("/v1/policies/p2")).status_code == 404


async def test_a_version_is_immutable(owned: Owned, client: httpx.AsyncClient) -> None:
    await owned.tell(ApplyPolicy(version="p1", text=LOOSE))
    assert (await client.put("/v1/policies/p1", json={"text": STRICT})).status_code == 409
    assert (await client.put("/v1/policies/p1", json={"text": LOOSE})).status_code == 202
    assert (await client.put("/v1/policies/built-in", json={"text": LOOSE})).status_code == 409


async def test_errors_keep_a_policy_out_unless_forced_and_what_cannot_be_read_always(
    owned: Owned, client: httpx.AsyncClient
) -> None:
    never = "calendars: {never: {zone: UTC, hours: {mon: closed}}}"
    doubtful = f"{never}\nqueues: {{general: {{calendar: never}}}}\ndefault: {{queue: general}}"
    refused = await client.put("/v1/policies/p1", json={"text": doubtful})
    assert (refused.status_code, refused.json()["field"]) == (422, "calendars.never")
    assert "[calendar-never-open]" in refused.json()["detail"]
    assert (await client.put("/v1/policies/p1", json={"text": doubtful, "force": True})).status_code == 202
    unreadable = await client.put("/v1/policies/p2", json={"text": "default: {queue: A}", "force": True})
    assert (unreadable.status_code, unreadable.json()["field"]) == (422, "default.queue")
    assert len(await owned.told(ApplyPolicy)) == 1


async def test_the_lint_looks_at_the_agents_and_queues_of_the_hub(owned: Owned, client: httpx.AsyncClient) -> None:
    await owned.tell(*agent("ali", skills={"lang.fa": 3}), ConfigureQueue(queue_id="general", name="General", team="red"))
    report = (await client.post("/v1/policies/lint", json={"text": STRICT})).json()
    assert report["ok"] is True
    assert [one["code"] for one in report["findings"]] == ["queue-without-agents", "skill-nobody-has"]


async def test_applying_needs_the_scope(owned: Owned, client: httpx.AsyncClient) -> None:
    key = await owned.kit.keys.create("reader", ("routing:read",))
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.put("/v1/policies/p1", json={"text": LOOSE}, headers=headers)).status_code == 403
    assert (await client.get("/v1/policies", headers=headers)).status_code == 200
    for path in ("/v1/policies/lint", "/v1/replay"):
        assert (await client.post(path, json={"text": "x"}, headers={"Authorization": "Bearer pv_no"})).status_code == 401


async def record_a_morning(owned: Owned) -> None:
    """Persian work under a policy that lets it wait a minute for an expert who is not there."""
    await owned.tell(ApplyPolicy(version="p1", text=STRICT), *agent("bita", skills={"lang.fa": 2}))
    for _ in range(4):
        work = uuid4()
        await owned.tell(arrival(work, language="fa").model_copy(update={"accepted_at": owned.clock.now()}))
        await owned.wait(60)
        offer = (await owned.told(OfferMade))[-1]
        await owned.wait(4)
        await owned.tell(AcceptOffer(offer_id=offer.offer_id, agent_id="bita"))
        await owned.wait(30)
        await owned.tell(ResolveWork(work_item_id=work, agent_id="bita"))


async def test_a_replay_shows_both_runs_side_by_side(owned: Owned, client: httpx.AsyncClient) -> None:
    await record_a_morning(owned)
    assert len(await owned.told(WorkAssigned)) == 4
    report = (await client.post("/v1/replay", json={"policy": LOOSE})).json()
    before, after = report["total"]["recorded"], report["total"]["rehearsed"]
    assert (before["arrived"], before["answered"], before["service_level"]) == (4, 4, 0.0)
    assert (after["arrived"], after["answered"], after["service_level"]) == (4, 4, 1.0)
    assert before["wait_p50"] > 60
    assert 3 <= after["wait_p50"] < 20
    assert (report["different"], report["sooner"], report["other_agent"]) == (4, 4, 0)
    assert report["agents"] == {"bita": [4, 4]}
    assert "counterfactual" in report["caveat"]


async def test_a_replay_under_the_same_policy_changes_nothing(owned: Owned) -> None:
    await record_a_morning(owned)
    found = await compare(owned.kit.database, ReplayRequest(policy=STRICT), Terms())
    assert (found.different, found.total.recorded.answered) == (0, found.total.rehearsed.answered)
    assert found.total.rehearsed.wait_p50 == pytest.approx(found.total.recorded.wait_p50, abs=1)


async def test_a_replay_of_a_part_counts_what_arrived_in_it(owned: Owned) -> None:
    await record_a_morning(owned)
    rows = await owned.rows("SELECT at FROM router.log WHERE type LIKE '%work-arrived%' ORDER BY seq")
    since, until = rows[1].at, rows[3].at
    wish = ReplayRequest(policy=LOOSE, since=since, until=until)
    found = await compare(owned.kit.database, wish, Terms())
    assert (found.total.recorded.arrived, found.different) == (2, 2)
    later = ReplayRequest(policy=LOOSE, since=datetime.now(UTC) + timedelta(days=400))
    assert (await compare(owned.kit.database, later, Terms())).total.recorded.arrived == 0


async def test_a_replay_is_bounded_and_one_at_a_time(owned: Owned, client: httpx.AsyncClient) -> None:
    await record_a_morning(owned)
    refused = await client.post("/v1/replay", json={"policy": LOOSE, "max_entries": 3})
    assert (refused.status_code, "3 entries" in refused.json()["detail"]) == (413, True)
    wrong = await client.post("/v1/replay", json={"policy": "default: {}"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "policy")
    both = await asyncio.gather(*(client.post("/v1/replay", json={"policy": LOOSE}) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [200, 429]


async def test_a_replay_tells_line_by_line_how_far_it_is(owned: Owned, client: httpx.AsyncClient) -> None:
    await record_a_morning(owned)
    [recorded] = await owned.rows("SELECT count(*) AS entries FROM router.log")
    told = await client.post("/v1/replay", json={"policy": LOOSE}, headers=LINES)
    assert told.headers["content-type"].startswith("application/x-ndjson")
    *before, last = (from_json(line) for line in told.content.split(b"\n")[:-1])
    assert before[0] == {"progress": {"done": 0, "of": 2 * recorded.entries}}
    assert last == {"comparison": last["comparison"]}
    plain = (await client.post("/v1/replay", json={"policy": LOOSE})).json()
    assert last["comparison"] | {"seconds": 0} == plain | {"seconds": 0}


async def test_what_keeps_a_replay_from_beginning_is_an_answer_of_its_own(owned: Owned, client: httpx.AsyncClient) -> None:
    await record_a_morning(owned)
    for wrong, status in (({"policy": LOOSE, "max_entries": 3}, 413), ({"policy": "default: {}"}, 422)):
        refused = await client.post("/v1/replay", json=wrong, headers=LINES)
        assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    both = await asyncio.gather(*(client.post("/v1/replay", json={"policy": LOOSE}, headers=LINES) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [200, 429]


async def test_how_far_a_replay_has_come_never_falls_and_ends_at_all(owned: Owned) -> None:
    await record_a_morning(owned)
    told: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "PAGE", 7)
        patch.setattr(replaying, "EVERY", 1)
        await compare(owned.kit.database, ReplayRequest(policy=LOOSE), Terms(), lambda *step: told.append(step))
    done, of = zip(*told, strict=True)
    assert (list(done), len(set(of))) == (list(range(of[0] + 1)), 1)


async def test_a_replay_that_takes_too_long_is_ended(owned: Owned) -> None:
    with pytest.raises(Exception, match="took over"):
        await Replays(owned.kit.database.url, seconds=0.01).run(ReplayRequest(policy=LOOSE))


async def test_why_somebody_got_it_is_known_after_a_restart(owned: Owned, take_over: MakeOwned) -> None:
    work = uuid4()
    await owned.tell(*agent("ali"), *agent("bita"), arrival(work))
    newer = await take_over()
    transport = httpx.ASGITransport(
        http.build(newer.kit, Service("router", routers=(router_http.router(States([newer.router], newer.kit.transaction)),)))
    )
    key = await newer.kit.keys.create("test", ("routing:read",))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://router", headers=headers) as asked:
        told = (await asked.get(f"/v1/conversations/{work}/explain")).json()
    assert (told["phase"], told["agent_id"], told["log_offset"]) == ("offered", "ali", 6)
    assert (told["decision"]["winner_because"], told["decision"]["runner_up"]) == ("the longest idle", "bita")
    assert [statement["code"] for statement in told["statements"]] == ["offered", "rule", "decided"]


async def test_what_waits_says_what_would_have_to_change(owned: Owned, client: httpx.AsyncClient) -> None:
    await owned.tell(ApplyPolicy(version="p1", text=STRICT), *agent("bita", skills={"lang.fa": 2}))
    work = uuid4()
    await owned.tell(arrival(work, language="fa"))
    told = (await client.get(f"/v1/conversations/{work}/explain")).json()
    assert (told["phase"], told["decision"], told["place"]["ahead"]) == ("waiting", None, 0)
    assert [(change["code"], change["params"].get("free")) for change in told["changes"]] == [("step", 1), ("skill", None)]
    assert [(step["able"], step["free"]) for step in told["steps"]] == [(0, 0), (1, 1)]


async def test_a_condition_that_fails_is_told_in_the_reason(owned: Owned) -> None:
    text = "rules: [{name: broken, when: '1 / text.attachments > 0'}]\ndefault: {queue: general}"
    await owned.tell(ApplyPolicy(version="p1", text=text), *agent("ali"), arrival(uuid4()))
    [made] = await owned.told(OfferMade)
    assert (made.reason.rule, made.reason.notes) == (
        "default", ("rule broken was passed over: division by zero in CEL expression",),
    )  # fmt: skip
