"""Loopback ports for the parts, chosen below the range that outgoing connections take theirs from."""

import random
import socket
from contextlib import ExitStack

from runtime.errors import Conflict

_FIRST, _LAST = 20_000, 31_999
_TRIES = 200


def free_ports(count: int) -> tuple[int, ...]:
    """Distinct loopback ports that nobody listens on now. Raises Conflict when none can be found."""
    picked: list[int] = []
    with ExitStack() as held:
        for _ in range(_TRIES):
            port = random.randint(_FIRST, _LAST)  # noqa: S311  (not a secret)
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            picked.append(port)
            if len(picked) == count:
                return tuple(picked)
    raise Conflict("no free loopback ports", hint=f"free some between {_FIRST} and {_LAST}")


def require_free(host: str, port: int, option: str) -> None:
    """Raises Conflict when the public port is taken; names the option that chooses another."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                f"port {port} of {host} cannot be used: {error.strerror}", hint=f"choose another with {option}"
            ) from error
