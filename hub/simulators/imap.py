"""A mailbox to fetch from: an IMAP4rev1 server (RFC 3501) on loopback with IDLE, UIDPLUS, MOVE, UNSELECT, PLAIN and XOAUTH2.

As strict as real ones: a command out of its state, an unknown search key or fetch item, a mark in a folder that was only
examined, anything but DONE within IDLE are refused, and after three refused logins the line is cut. Not here: TLS, APPEND,
searching in texts, parts of a mail other than its header and its text.
"""

import asyncio

from hub.simulators.imap_folders import Account
from hub.simulators.imap_session import Session

_MOST_LINE = 16_384


class ImapServer:
    """Serves accounts by login name. All state is in memory and lives in the loop that started it."""

    def __init__(self, accounts: dict[str, Account]) -> None:
        self.accounts = accounts
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, port: int) -> int:
        """Listen on loopback; gives the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=_MOST_LINE)
        return int(self._server.sockets[0].getsockname()[1])

    def kick(self) -> None:
        """Cut all lines, as a server does that restarts."""
        for writer in tuple(self._open):
            writer.close()

    async def stop(self) -> None:
        """Stop listening and cut all lines."""
        if self._server is not None:
            self._server.close()
        self.kick()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await Session(self.accounts, reader, writer).run()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # the line is gone, or nobody could read what came over it
        finally:
            self._open.discard(writer)
            writer.close()
