"""Who a header names; what is ambiguous names nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.addresses import mailbox
from channels.email.addresses import Mailbox, first_mailbox


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("sara@example.org", Mailbox("sara@example.org", "")),
        ("Sara Ahmadi <sara@example.org>", Mailbox("sara@example.org", "Sara Ahmadi")),
        ('"Ahmadi, Sara \\"S\\"" <sara@example.org>', Mailbox("sara@example.org", 'Ahmadi, Sara "S"')),
        ("Ahmadi, Sara <sara@example.org>", Mailbox("sara@example.org", "Ahmadi, Sara")),
        ("sara@example.org (Sara)", Mailbox("sara@example.org", "")),
        ("a@example.org, b@example.org", Mailbox("a@example.org", "")),
        ("A <a@example.org>, B <b@example.org>", Mailbox("a@example.org", "A")),
        ('"boss@shop.example" <sara@example.org>', Mailbox("sara@example.org", "boss@shop.example")),
        ("سارا <سارا@example.org>", Mailbox("سارا@example.org", "سارا")),
    ],
)
def test_the_first_author_is_read(header: str, expected: Mailbox) -> None:
    assert first_mailbox(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        "alice@example.org)bob@example.com",
        "alice@example.org(bob@example.com",
        "alice@example.org<bob@example.com",
        "alice@example.org>bob@example.com",
        "alice@example.org@bob@example.com",
        'alice@example.org"bob@example.com',
        "alice@example.org <bob@example.com> <carol@example.com>",
        "a@example.org, <b@example.org>",
        "<sara@example.org",
        "Sara <sara>",
        "undisclosed recipients:;",
        "",
        "<>",
        "x" * 5_000 + " <sara@example.org>",
    ],
)
def test_what_is_ambiguous_names_nobody(header: str) -> None:
    assert first_mailbox(header) is None


@given(st.text(max_size=300))
def test_whatever_is_read_is_an_address_that_stands_in_the_header(header: str) -> None:
    found = first_mailbox(header)
    assert found is None or mailbox(found.address) == found.address
