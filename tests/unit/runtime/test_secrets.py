"""Secrets in payvand.toml as tokens: opened by the right key only, and into secrets' fields only."""

import logging

import pytest
from pydantic import SecretStr

from channels.inboxes import configured
from runtime.errors import Misconfigured
from runtime.secrets import PREFIX, SecretBox
from runtime.settings import Settings

KEY = SecretStr("first-key-0123456789abcdef0123456789")
NEXT = SecretStr("second-key-0123456789abcdef012345678")
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def test_what_was_sealed_is_opened_again() -> None:
    box = SecretBox((KEY,))
    for secret in ("x", TOKEN, "گذرواژه\n", "a" * 5_000):
        token = box.seal(secret)
        assert token.startswith(PREFIX)
        assert box.open(token).get_secret_value() == secret


def test_a_token_shows_nothing_of_the_secret() -> None:
    assert TOKEN not in SecretBox((KEY,)).seal(TOKEN)


def test_the_same_secret_gives_another_token_each_time() -> None:
    assert SecretBox((KEY,)).seal(TOKEN) != SecretBox((KEY,)).seal(TOKEN)


def test_another_key_opens_nothing_and_says_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="another PAYVAND_SECRET_KEY") as refused:
        SecretBox((NEXT,)).open(SecretBox((KEY,)).seal(TOKEN))
    assert "channels encrypt" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "damage", [lambda token: token[:-4] + "AAA=", lambda token: token[:20], lambda token: token.replace("v1:g", "v1:h")]
)
def test_a_changed_token_is_not_opened(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(Misconfigured):
        SecretBox((KEY,)).open(damage(SecretBox((KEY,)).seal(TOKEN)))


def test_after_a_change_of_the_key_older_tokens_open_with_the_older_key_kept() -> None:
    older = SecretBox((KEY,)).seal(TOKEN)
    both = SecretBox((NEXT, KEY))
    assert both.open(older).get_secret_value() == TOKEN
    assert SecretBox((NEXT,)).open(both.seal(TOKEN)).get_secret_value() == TOKEN


@pytest.mark.parametrize("keys", [(), (SecretStr(""),), (SecretStr("too short"),)])
def test_without_a_key_there_is_nothing_to_seal_with(keys: tuple[SecretStr, ...]) -> None:
    with pytest.raises(Misconfigured, match="secret key"):
        SecretBox(keys).seal(TOKEN)


def telegram(key: SecretStr = KEY, previous: tuple[SecretStr, ...] = (), **values: object) -> Settings:
    inbox = {"name": "bot", "channel": "telegram", "settings": values}
    return Settings(secret_key=key, previous_secret_keys=previous, inboxes=(inbox,))


def test_an_inbox_gets_what_its_tokens_stand_for() -> None:
    sealed = SecretBox((KEY,)).seal(TOKEN)
    for where in (telegram(token=sealed), telegram(NEXT, (KEY,), token=sealed)):
        [inbox] = configured(where)
        assert getattr(inbox.form, "token") == SecretStr(TOKEN)  # noqa: B009 - the form's own field
        assert TOKEN not in repr(inbox)


def test_tokens_are_opened_however_deep_they_stand() -> None:
    box = SecretBox((KEY,))
    provider = {"driver": "gateway", "secrets": {"key": box.seal("s3cret")}, "send": {"url": "https://sms.example/?k={key}"}}
    inbox = {"name": "line", "channel": "sms", "settings": {"provider": provider}}
    [line] = configured(Settings(secret_key=KEY, inboxes=(inbox,)))
    assert getattr(line.form, "provider").secrets["key"].get_secret_value() == "s3cret"  # noqa: B009


def test_a_token_does_not_go_into_a_field_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Misconfigured, match="base_url") as refused:
        configured(telegram(token=TOKEN, base_url=SecretBox((KEY,)).seal("https://user:s3cret@proxy.example")))
    told = f"{refused.value.message} {refused.value.hint} {refused.value.__cause__} {caplog.text}"
    assert "s3cret" not in told


def test_a_wrong_key_names_the_inbox_but_neither_token_nor_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sealed = SecretBox((KEY,)).seal(TOKEN)
    with pytest.raises(Misconfigured, match="'bot'") as refused:
        configured(telegram(NEXT, token=sealed))
    told = f"{refused.value.message} {refused.value.hint} {refused.value.__cause__!r} {caplog.text}"
    assert sealed.removeprefix(PREFIX) not in told
    assert TOKEN not in told


def test_a_token_of_a_later_version_is_not_taken_for_a_secret() -> None:
    with pytest.raises(Misconfigured, match="version"):
        configured(telegram(token="enc:v9:abc"))
