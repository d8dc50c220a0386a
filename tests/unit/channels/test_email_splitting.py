"""The fast way through a well-formed mail ends where the standard library's parser does."""

import random
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

import pytest

from bench.email_fuzz import inputs, seeds
from bench.email_parse import MIX
from channels.email.splitting import split

Node = Message
LF_ONLY = b"".join(
    [
        b"Subject: a\n folded\nMIME-Version: 1.0\n",
        b'Content-Type: multipart/mixed; boundary="out"\n\npreamble\n\n--out\n',
        b"Content-Type: multipart/alternative; boundary=in\n\n--in\n\none\n--in  \nX: y\n\n\n--in--\n\n--out\n\n",
        b"--outer is no boundary\n--out-- \nepilogue\n",
    ]
)


def tree(part: "Message[str, str]") -> object:
    """All that a parser decides."""
    held = vars(part)["_payload"]
    below = [tree(child) for child in held] if isinstance(held, list) else held
    return list(part.raw_items()), part.get_default_type(), part.preamble, part.epilogue, below


def ours(body: bytes) -> "Message[str, str] | None":
    return split(body.decode("ascii", "surrogateescape"), lambda: Message(policy=compat32))


def plain(body: bytes) -> bool:
    return body.count(b"\r") == body.count(b"\r\n")


def same(body: bytes) -> bool:
    """True when it was taken; fails when it was taken to mean another thing."""
    found = ours(body)
    if found is None:
        return False
    assert tree(found) == tree(BytesParser(policy=compat32).parsebytes(body))
    return True


@pytest.mark.parametrize("maker", [maker for maker, _ in MIX], ids=lambda maker: maker.__name__)
def test_what_mail_programs_write_is_taken_and_read_as_the_library_reads_it(maker: object) -> None:
    assert callable(maker)
    for seed in range(10):
        assert same(maker(random.Random(seed)))
        assert same(maker(random.Random(seed)).replace(b"\r\n", b"\n"))


def test_nested_multiparts_with_preamble_and_epilogue_keep_every_character() -> None:
    assert same(LF_ONLY)
    assert same(LF_ONLY.replace(b"\n", b"\r\n"))
    assert same(LF_ONLY.removesuffix(b"\nepilogue\n"))


@pytest.mark.parametrize(
    "body",
    [
        LF_ONLY.replace(b"--out-- \n", b""),
        LF_ONLY.replace(b"boundary=in", b"x=in"),
        LF_ONLY.replace(b"boundary=in", b"boundary=out"),
        LF_ONLY.replace(b"--in\n\none", b"--in\nnone"),
        LF_ONLY.replace(b"--in\n\none", b"--in\n--in\n\none"),
        LF_ONLY.replace(b"alternative", b"digest"),
        LF_ONLY.replace(b"X: y\n", b"Content-Type: message/rfc822\n"),
        b"From somebody\nSubject: a\n\nb",
        b"Subject: a",
        b" folded\nSubject: a\n\nb",
    ],
)
def test_what_is_broken_or_holds_another_mail_is_left_to_the_library(body: bytes) -> None:
    assert ours(body) is None


def test_damaged_mails_are_read_as_the_library_reads_them() -> None:
    taken = sum(same(body) for body in [*seeds(), *inputs(1_500, seed=3)] if plain(body))
    assert taken > 300
