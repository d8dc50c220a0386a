"""What a run of the hub consists of."""

import json
from pathlib import Path

import pytest

from hub import plan as plan_module
from hub.nursery import Starter
from hub.parts.gateway import Public
from hub.plan import Options, Plan, Planner
from runtime.errors import Misconfigured

SERVICES = {"ingest", "profile", "router", "notifier", "desk"}


@pytest.fixture(autouse=True)
def bare_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "KAFKA_BOOTSTRAP_SERVERS",
        "INBOXES",
        "SECRET_KEY",
        "PUBLIC_URL",
        "ROUTING_DOMAINS",
    ):
        monkeypatch.delenv(f"PAYVAND_{name}", raising=False)
    monkeypatch.setattr(plan_module, "CONFIG_FILE", tmp_path / "payvand.toml")


def _plan(data: Path, *, demo: bool = True, simulators: bool = True) -> Plan:
    options = Options(data, Public("127.0.0.1", 8080), 2525, demo=demo, simulators=simulators)
    return Planner(options, Starter(data, None)).plan()


def _names(plan: Plan) -> set[str]:
    return {part.name for part in plan.parts}


def test_with_nothing_set_every_part_is_embedded(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert _names(plan) == SERVICES | {"postgres", "valkey", "broker", "gateway", "simulators"}
    assert plan.env["PAYVAND_KAFKA_GROUPS"] == "false"


@pytest.mark.parametrize(
    ("setting", "part"), [("DATABASE_URL", "postgres"), ("REDIS_URL", "valkey"), ("KAFKA_BOOTSTRAP_SERVERS", "broker")]
)
def test_what_the_operator_names_is_not_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, part: str
) -> None:
    monkeypatch.setenv(f"PAYVAND_{setting}", "elsewhere")
    plan = _plan(tmp_path)
    assert part not in _names(plan)
    assert f"PAYVAND_{setting}" not in plan.env
    assert all(part not in one.needs for one in plan.parts)


def test_a_setting_in_the_file_counts_as_much_as_one_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "payvand.toml").write_text('redis_url = "redis://elsewhere"\n')
    assert "valkey" not in _names(_plan(tmp_path))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "payvand.toml").write_text("redis_url = \n")
    with pytest.raises(Misconfigured, match="not valid TOML"):
        _plan(tmp_path)


def test_every_part_stops_in_exactly_one_wave_and_not_before_who_needs_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    order = [name for wave in plan.waves for name in wave]
    assert sorted(order) == sorted(_names(plan))
    for part in plan.parts:
        assert all(order.index(part.name) < order.index(need) for need in part.needs)


def test_all_services_are_renewed_with_the_log(tmp_path: Path) -> None:
    broker = next(part for part in _plan(tmp_path).parts if part.name == "broker")
    assert set(broker.renews) == SERVICES


def test_the_brokers_memory_has_a_limit_that_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def limit() -> int | None:
        return next(part for part in _plan(tmp_path).parts if part.name == "broker").memory_limit

    assert limit() == 600 * 1024 * 1024
    monkeypatch.setenv("PAYVAND_BROKER_MEMORY_MB", "50")
    assert limit() == 50 * 1024 * 1024
    monkeypatch.setenv("PAYVAND_BROKER_MEMORY_MB", "much")
    with pytest.raises(Misconfigured, match="BROKER_MEMORY_MB"):
        limit()


def test_no_two_parts_share_a_port(tmp_path: Path) -> None:
    ports = [part.port for part in _plan(tmp_path).parts if part.port]
    assert len(set(ports)) == len(ports)


def test_the_demo_brings_inboxes_and_real_use_does_not(tmp_path: Path) -> None:
    inboxes = json.loads(_plan(tmp_path).env["PAYVAND_INBOXES"])
    assert {inbox["channel"] for inbox in inboxes} == {"call", "email", "sms", "telegram", "webchat"}
    alone = json.loads(_plan(tmp_path, simulators=False).env["PAYVAND_INBOXES"])
    assert "telegram" not in {inbox["channel"] for inbox in alone}
    assert "PAYVAND_INBOXES" not in _plan(tmp_path, demo=False).env


def test_the_operators_own_inboxes_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVAND_INBOXES", "[]")
    assert "PAYVAND_INBOXES" not in _plan(tmp_path).env


def test_simulators_are_left_out_on_demand(tmp_path: Path) -> None:
    assert "simulators" not in _names(_plan(tmp_path, simulators=False))


SALES = '[routing_domains.sales]\ninboxes = ["shop"]\nteams = ["sellers"]\n'


def test_each_routing_domain_has_a_router_at_home_in_it(tmp_path: Path) -> None:
    (tmp_path / "payvand.toml").write_text(SALES)
    plan = _plan(tmp_path)
    assert _names(plan) >= SERVICES | {"router-sales"}
    homes = {part.name: part.launch().env.get("PAYVAND_ROUTER_HOME") for part in plan.parts if "router" in part.name}
    assert homes == {"router": '["main"]', "router-sales": '["sales"]'}
    assert {part.launch().command for part in plan.parts if "router" in part.name} == {("service", "router")}
    order = [name for wave in plan.waves for name in wave]
    assert sorted(order) == sorted(_names(plan))
    broker = next(part for part in plan.parts if part.name == "broker")
    assert set(broker.renews) == SERVICES | {"router-sales"}


def test_one_domain_alone_has_one_router_that_takes_what_there_is(tmp_path: Path) -> None:
    [router] = [part for part in _plan(tmp_path).parts if "router" in part.name]
    assert "PAYVAND_ROUTER_HOME" not in router.launch().env


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('[routing_domains.main]\nteams = ["a"]', "may not be called 'main'"),
        (
            '[routing_domains.a]\nteams = ["x"]\n[routing_domains.b]\nteams = ["x"]',
            "'x' is claimed by two routing domains, 'a' and 'b'",
        ),
        ('routing_domains = "sales"', "routing_domains:"),
        ("routing_domains = [1]", "routing_domains:"),
    ],
)
def test_domains_that_cannot_be_are_refused_before_anything_starts(tmp_path: Path, told: str, said: str) -> None:
    (tmp_path / "payvand.toml").write_text(told)
    with pytest.raises(Misconfigured, match=said):
        _plan(tmp_path)
