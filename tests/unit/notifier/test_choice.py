"""Which channel a reply takes, as a table."""

import pytest

from schemas.values import Identifier, Trust
from services.notifier.domain.choice import Barred, Chosen, NoWay, Route, Wish, choose
from tests.unit.notifier.samples import ADDRESSES, CHAT, MAIL, PHONE, ROUTES, known

EVERYWHERE = ("webchat", "email", "sms")

# asked    prefers    live       known on        opted out  bad address  takes      because
TABLE = [
    (None, None, "webchat", EVERYWHERE, (), (), "webchat", "webchat: the conversation is live there"),
    (None, "sms", "webchat", EVERYWHERE, (), (), "sms", "sms: the contact prefers it"),
    ("email", "sms", "webchat", EVERYWHERE, (), (), "email", "email: the agent chose it"),
    (None, "sms", "webchat", ("webchat", "email"), (), (), "webchat",
     "webchat: the conversation is live there (sms: no address known)"),
    (None, "sms", "email", EVERYWHERE, ("sms",), (), "email",
     "email: the conversation is live there (sms: the contact has opted out)"),
    (None, None, "email", EVERYWHERE, (), ("email",), "webchat",
     "webchat: it is the next one that reaches the contact (email: the address is known to be bad)"),
    ("sms", "email", "webchat", ("webchat",), (), (), "webchat",
     "webchat: the conversation is live there (sms: no address known; email: no address known)"),
    (None, "telegram", "sms", ("sms",), (), (), "sms",
     "sms: the conversation is live there (telegram: no inbox that can send)"),
    (None, None, "call", ("email",), (), (), "email",
     "email: it is the next one that reaches the contact (call: no inbox that can send; webchat: no address known)"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "prefers", "live", "known_on", "opted_out", "bad", "takes", "because"), TABLE)
def test_the_channel_and_the_reason(
    *,
    asked: str | None,
    prefers: str | None,
    live: str,
    known_on: tuple[str, ...],
    opted_out: tuple[str, ...],
    bad: tuple[str, ...],
    takes: str,
    because: str,
) -> None:
    barred = Barred(
        addresses=frozenset((one, ADDRESSES[one].value) for one in bad),
        opted_out=frozenset((one, ADDRESSES[one].value) for one in opted_out),
    )
    chosen = choose(Wish(live, "site", None, asked, prefers), known(*known_on), ROUTES, barred)
    assert isinstance(chosen, Chosen)
    assert (chosen.channel, chosen.address, chosen.why) == (takes, ADDRESSES[takes].value, because)


def test_the_reason_names_no_address() -> None:
    barred = Barred(addresses=frozenset({("email", ADDRESSES["email"].value)}))
    chosen = choose(Wish("email", "support"), known("email", "sms"), ROUTES, barred)
    assert isinstance(chosen, Chosen)
    assert not any(one.value in chosen.why for one in ADDRESSES.values())


def test_a_live_conversation_stays_in_its_inbox() -> None:
    sales = Route("email", "sales", "email")
    live_there = choose(Wish("email", "sales"), known("email"), (MAIL, sales))
    live_elsewhere = choose(Wish("webchat", "site", asked="email"), known("email"), (MAIL, sales))
    assert isinstance(live_there, Chosen)
    assert isinstance(live_elsewhere, Chosen)
    assert (live_there.inbox, live_elsewhere.inbox) == ("sales", "support")


def test_the_most_trusted_address_goes_first_and_a_bad_one_gives_way_to_the_next() -> None:
    asserted = Identifier(type="email", value="old@example.org", trust=Trust.ASSERTED)
    verified = Identifier(type="email", value="new@example.org", trust=Trust.VERIFIED)
    first = choose(Wish("email", "support"), (asserted, verified), (MAIL,))
    barred = Barred(addresses=frozenset({("email", "new@example.org")}))
    second = choose(Wish("email", "support"), (asserted, verified), (MAIL,), barred)
    assert isinstance(first, Chosen)
    assert isinstance(second, Chosen)
    assert (first.address, second.address) == ("new@example.org", "old@example.org")


def test_an_opt_out_by_one_number_holds_for_the_contacts_other_numbers() -> None:
    other = Identifier(type="phone", value="+989120000002")
    barred = Barred(opted_out=frozenset({("sms", ADDRESSES["sms"].value)}))
    found = choose(Wish("sms", "line"), (*known("sms"), other), (PHONE,), barred)
    assert found == NoWay("sms: the contact has opted out", suppressed=True)


def test_without_any_way_it_says_what_stood_in_each() -> None:
    assert choose(Wish("webchat", "site"), (), (CHAT, MAIL)) == NoWay(
        "webchat: no address known; email: no address known", suppressed=False
    )


def test_a_channel_already_tried_is_not_chosen_again() -> None:
    found = choose(Wish("webchat", "site"), known("webchat", "email"), ROUTES, tried=frozenset({"webchat"}))
    assert isinstance(found, Chosen)
    assert found.channel == "email"


def test_a_live_conversation_is_answered_where_it_was_written_from() -> None:
    work = Identifier(type="email", value="sara@work.example", trust=Trust.VERIFIED)
    wish = Wish("email", "support", live_address="Sara@Example.org")
    live = choose(wish, (work, *known("email")), (MAIL,))
    elsewhere = choose(Wish("webchat", "site", "Sara@Example.org", asked="email"), (work, *known("email")), (MAIL,))
    unknown = choose(Wish("email", "support", live_address="gone@example.org"), (work, *known("email")), (MAIL,))
    assert [one.address for one in (live, elsewhere, unknown) if isinstance(one, Chosen)] == [
        "sara@example.org",
        "sara@work.example",
        "sara@work.example",
    ]
