"""What one answer means: a result, trouble that passes, or a problem."""

from typing import Any

import httpx

from payvand_client.errors import PayvandError, Problem, Unreachable
from payvand_client.retries import PASSING, Retries, told_to_wait

EVENTS = {"accept": "text/event-stream"}


def settled(answer: httpx.Response, retries: Retries, attempt: int) -> tuple[Any, float | None]:
    """The answer's JSON and None; or None and the seconds after which to ask again. Raises Problem."""
    if answer.is_success:
        try:
            return answer.json(), None
        except ValueError as error:
            raise Problem(answer.status_code, {"detail": "the answer is not JSON: is this the hub's address?"}) from error
    wait = told_to_wait(answer.headers)
    pause = retries.pause(attempt, wait) if answer.status_code in PASSING else None
    if pause is None:
        raise Problem.of(answer, wait)
    return None, pause


def broken(error: httpx.TransportError, retries: Retries, attempt: int) -> float:
    """The seconds after which to ask again over a new connection. Raises Unreachable."""
    pause = retries.pause(attempt)
    if pause is None:
        raise Unreachable(f"no answer from the hub ({type(error).__name__}), {attempt} times") from error
    return pause


def ended(answer: httpx.Response, retries: Retries, attempt: int) -> float:
    """The seconds after which to open a stream again that has ended, or was not opened. Raises Problem."""
    if answer.is_success:
        return retries.pause(1) or 0.0
    pause = settled(answer, retries, attempt)[1]
    return pause or 0.0


def headers(key: str) -> dict[str, str]:
    """What every request says of itself. Raises ValueError for what cannot be a key."""
    if not key or not key.isascii() or not key.isprintable():
        raise ValueError("key must be an API key as `payvand keys create` prints it")
    return {"authorization": f"Bearer {key}", "accept": "application/json", "user-agent": "payvand-client/0.1"}


def given_up(id: object, state: str, last: PayvandError | None, seconds: float) -> TimeoutError:
    """What `wait_until` raises in the end."""
    return TimeoutError(f"interaction {id} was not {state} within {seconds:g} s" + (f"; last: {last}" if last else ""))
