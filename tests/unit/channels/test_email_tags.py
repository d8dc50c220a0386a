"""Signed plus-addresses: ours are known again, nobody else's are."""

from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from channels.email.settings import EmailInboxSettings
from channels.email.tags import read, tagged

ID = UUID("0190c3f0-5f7e-7a1b-8c2d-3e4f5a6b7c8d")


def inbox(
    name: str = "support", address: str = "support@shop.example", secret: str = "s" * 32, **more: bool
) -> EmailInboxSettings:
    return EmailInboxSettings(inbox=name, address=address, secret=SecretStr(secret), **more)


def test_a_tag_is_read_again_from_any_header_in_any_case() -> None:
    address = tagged(inbox(), "c", ID)
    assert address is not None
    assert len(address.partition("@")[0]) <= 64
    for text in (address, address.upper(), f"Shop <{address}>, other@example.org", f"x+c.{'a' * 40}@y {address}"):
        assert read(inbox(), "c", text) == ID
    assert inbox().accepts(address)


def test_every_id_survives() -> None:
    for id in (UUID(int=0), UUID(int=2**128 - 1), *(uuid4() for _ in range(50))):
        assert read(inbox(), "d", tagged(inbox(), "d", id) or "") == id


@pytest.mark.parametrize(
    "other",
    [inbox(name="sales"), inbox(secret="t" * 32), inbox(secret="")],
    ids=["another inbox", "another secret", "no secret"],
)
def test_what_others_signed_counts_for_nothing(other: EmailInboxSettings) -> None:
    address = tagged(inbox(), "c", ID) or ""
    assert read(other, "c", address) is None


def test_a_changed_tag_and_another_kind_count_for_nothing() -> None:
    address = tagged(inbox(), "c", ID) or ""
    local, _, domain = address.partition("@")
    for place in range(len("support+c."), len(local)):
        letter = "a" if local[place] != "a" else "b"
        assert read(inbox(), "c", f"{local[:place]}{letter}{local[place + 1 :]}@{domain}") is None
    assert read(inbox(), "d", address) is None
    assert read(inbox(), "d", address.replace("+c.", "+d.")) is None


def test_no_tag_where_it_cannot_work() -> None:
    assert tagged(inbox(secret=""), "c", ID) is None
    assert tagged(inbox(plus_addresses=False), "c", ID) is None
    assert tagged(inbox(address="s+1@shop.example"), "c", ID) is None
    assert tagged(inbox(address=f"{'x' * 40}@shop.example"), "c", ID) is None


def test_a_thousand_false_tags_cost_little() -> None:
    assert read(inbox(), "c", f"x+c.{'a' * 40}@y " * 1_000) is None
