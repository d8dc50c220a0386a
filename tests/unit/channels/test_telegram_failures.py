"""Each way in which a call can fail has the class that says what to do."""

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from channels.base import Ambiguous, BadAddress, ContentRefused, OptedOut, OurFault, RetryLater, SendError
from channels.telegram.failures import translated

NOTHING_OUT = [httpx.ConnectTimeout("x"), httpx.PoolTimeout("x"), httpx.ConnectError("x")]
PERHAPS_OUT = [httpx.ReadTimeout("x"), httpx.WriteTimeout("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("x")]


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), OptedOut),
        (Forbidden("Forbidden: bot can't initiate conversation with a user"), OptedOut),
        (Forbidden("Forbidden: user is deactivated"), BadAddress),
        (Forbidden("Forbidden: bot can't send messages to bots"), BadAddress),
        (Forbidden("Forbidden: bot was kicked from the supergroup chat"), SendError),
        (Forbidden("Forbidden: bot can't send messages to the user"), SendError),
        (BadRequest("Bad Request: chat not found"), BadAddress),
        (BadRequest("Bad Request: PEER_ID_INVALID"), BadAddress),
        (BadRequest("Bad Request: not enough rights to send text messages to the chat"), SendError),
        (BadRequest("Bad Request: message is too long"), ContentRefused),
        (BadRequest("Bad Request: can't parse entities: unsupported start tag"), ContentRefused),
        (BadRequest("Request Entity Too Large"), ContentRefused),
        (InvalidToken("Unauthorized"), OurFault),
        (NetworkError("Bad Gateway"), RetryLater),
        (NetworkError("Internal Server Error"), RetryLater),
        (ChatMigrated(-100), SendError),
        (Conflict("odd"), Ambiguous),
        (TelegramError("Invalid server response"), Ambiguous),
    ],
)
def test_refusals_of_the_bot_api(error: TelegramError, kind: type[SendError]) -> None:
    assert type(translated(error)) is kind


@pytest.mark.parametrize("cause", NOTHING_OUT, ids=lambda cause: type(cause).__name__)
def test_what_never_went_out_is_tried_again(cause: httpx.HTTPError) -> None:
    error = TimedOut() if isinstance(cause, httpx.TimeoutException) else NetworkError("httpx")
    assert type(translated(caused(error, cause))) is RetryLater


@pytest.mark.parametrize("cause", PERHAPS_OUT, ids=lambda cause: type(cause).__name__)
def test_what_may_have_gone_out_is_not_repeated(cause: httpx.HTTPError) -> None:
    error = TimedOut() if isinstance(cause, httpx.TimeoutException) else NetworkError("httpx")
    assert type(translated(caused(error, cause))) is Ambiguous


def test_a_proxy_that_refuses_is_ours_and_a_403_of_the_way_there_is_no_opt_out() -> None:
    assert type(translated(caused(NetworkError("httpx"), httpx.ProxyError("407")))) is OurFault
    page = caused(Forbidden("Forbidden (403). blocked by the user's firewall"), TelegramError("Invalid server response"))
    assert type(translated(page)) is RetryLater


def test_the_wait_that_telegram_asks_for_is_passed_on() -> None:
    found = translated(RetryAfter(17))
    assert isinstance(found, RetryLater)
    assert found.retry_after == 17
