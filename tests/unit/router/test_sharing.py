"""What of the router's topics is which domain's."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from runtime.errors import Unhandled
from schemas.base import EventData
from schemas.commands import ConfigureAgent, ConfigureQueue, SetPresence
from schemas.domains import Domains, domains_of
from schemas.envelope import Envelope, Event
from schemas.values import AgentPresence
from services.router.adapters.sharing import share_of
from tests.component.test_router import arrival

DOMAINS = domains_of({"sales": (["shop"], ["sellers"])})
ONLINE = SetPresence(agent_id="ali", state=AgentPresence.ONLINE, epoch=1)


def said(key: str, data: EventData) -> Event[Any]:
    return Event(Envelope("1", "test", data.type, datetime.now(UTC), uuid4()), key, data)


def takers(event: Event[Any], domains: Domains = DOMAINS) -> list[str]:
    return [name for name in domains.names if share_of(name, domains).mine(event)]


@pytest.mark.parametrize("domain", ["main", "sales"])
def test_a_command_is_its_keys_and_work_is_its_conversations(domain: str) -> None:
    assert takers(said(domain, ONLINE)) == [domain]
    assert takers(said("any", arrival(uuid4()).model_copy(update={"domain": domain}))) == [domain]


def test_work_of_a_domain_that_is_none_any_more_is_mains() -> None:
    assert takers(said("any", arrival(uuid4()).model_copy(update={"domain": "gone"}))) == ["main"]


@pytest.mark.parametrize("domains", [DOMAINS, Domains()])
def test_a_command_under_a_key_of_no_domain_is_set_aside_by_main_alone(domains: Domains) -> None:
    with pytest.raises(Unhandled, match="'elsewhere'; routing domains are main"):
        share_of("main", domains).mine(said("elsewhere", ONLINE))
    assert not share_of("sales", DOMAINS).mine(said("elsewhere", ONLINE))


@pytest.mark.parametrize(
    ("key", "teams", "told"),
    [
        ("main", ("sellers",), "is of the domain 'sales' by its teams; the command was for 'main'"),
        ("sales", (), "is of the domain 'main'"),
        ("sales", ("sellers", "nurses"), "cannot be in two routing domains"),
    ],
)
def test_an_agent_of_another_domain_is_refused_where_it_was_sent(key: str, teams: tuple[str, ...], told: str) -> None:
    event = said(key, ConfigureAgent(agent_id="ali", name="Ali", teams=teams))
    with pytest.raises(Unhandled, match=told):
        share_of(key, DOMAINS).mine(event)
    others = [name for name in DOMAINS.names if name != key]
    assert not any(share_of(name, DOMAINS).mine(event) for name in others), "it would be buried twice"


def test_who_moved_to_another_domain_may_be_retired_in_the_old_one() -> None:
    assert takers(said("main", ConfigureAgent(agent_id="ali", name="Ali", teams=("sellers",), active=False))) == ["main"]


def test_a_queue_of_a_team_is_its_domains_and_one_for_all_may_be_anywhere() -> None:
    assert takers(said("sales", ConfigureQueue(queue_id="q", name="Q", team="sellers"))) == ["sales"]
    assert takers(said("sales", ConfigureQueue(queue_id="q", name="Q"))) == ["sales"]
    with pytest.raises(Unhandled, match="queue 'q'"):
        share_of("main", DOMAINS).mine(said("main", ConfigureQueue(queue_id="q", name="Q", team="sellers")))


def test_one_domain_alone_looks_at_no_teams() -> None:
    assert takers(said("main", ConfigureAgent(agent_id="ali", name="Ali", teams=("a", "b"))), Domains()) == ["main"]


def test_each_stage_has_a_name_of_its_own_and_one_buries_what_cannot_be_read() -> None:
    shares = [share_of(name, DOMAINS) for name in DOMAINS.names]
    assert [(share.reader, share.buries) for share in shares] == [("router", True), ("router.sales", False)]
