"""Which routing domain claims what, and what is refused."""

import pytest
from pydantic import ValidationError

from runtime.settings import Settings
from schemas.domains import MAIN, Domains, domains_of
from schemas.topics import readers

TWO = domains_of({"sales": (["shop"], ["sellers", "closers"]), "care": (["support"], ["nurses"])})


def test_what_nobody_claims_is_of_main() -> None:
    assert (TWO.of_inbox("shop"), TWO.of_inbox("support"), TWO.of_inbox("web")) == ("sales", "care", MAIN)
    assert TWO.of_teams(["sellers", "closers"]) == "sales"
    assert (TWO.of_teams([]), TWO.of_teams(["others"])) == (MAIN, MAIN)
    assert TWO.names == (MAIN, "care", "sales")
    assert (TWO.several, Domains().several) == (True, False)


def test_teams_of_two_domains_are_no_agents() -> None:
    with pytest.raises(ValueError, match="'nurses' is of 'care' and 'closers' is of 'sales'"):
        TWO.of_teams(["nurses", "closers"])
    with pytest.raises(ValueError, match="'nurses' is of 'care' and 'others' is of 'main'"):
        TWO.of_teams(["nurses", "others"])


def test_a_domain_that_is_none_any_more_stands_for_main() -> None:
    assert (TWO.standing("sales"), TWO.standing("gone")) == ("sales", MAIN)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        (
            {"sales": {"inboxes": ["shop"]}, "care": {"inboxes": ["shop"]}},
            "inbox 'shop' is claimed by two .*'sales' and 'care'",
        ),
        ({"sales": {"teams": ["a"]}, "care": {"teams": ["a"]}}, "team 'a' is claimed by two .*'sales' and 'care'"),
        ({"main": {}}, "may not be called 'main'"),
        ({"Sales!": {}}, "'Sales!' is no name of a routing domain"),
        ({"sales": {"inbox": ["shop"]}}, "Extra inputs are not permitted"),
    ],
)
def test_claims_that_contradict_are_refused_at_start_with_both_names(claims: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(routing_domains=claims)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVAND_ROUTING_DOMAINS", '{"sales": {"inboxes": ["shop"]}}')
    assert Settings().domains.of_inbox("shop") == "sales"


def test_each_domain_reads_what_the_router_reads_and_nothing_else_is_read_more_often() -> None:
    found = readers(TWO)
    assert {reader for topic, reader in found if topic == "routing.commands"} == {"router", "router.care", "router.sales"}
    assert {reader for topic, reader in found if topic == "interactions.identified"} == {
        "router", "router.care", "router.sales", "desk",
    }  # fmt: skip
    assert [reader for topic, reader in found if topic == "routing.decisions"] == ["profile", "desk"]
    assert set(readers(Domains())) < set(found)
