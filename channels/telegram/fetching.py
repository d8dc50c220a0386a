"""Gets the files of messages: `getFile`, then the download. Telegram's own server gives files of at most 20 MB."""

import httpx
from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from channels.telegram.client import close_bot, make_bot, tls
from channels.telegram.settings import TelegramInboxSettings
from runtime.errors import NotFound, TooLarge, Transient

_GONE = frozenset({400, 403, 404, 410})


class TelegramFetcher:
    """The locator is a file id: the address to download from holds the token and is made only for the moment."""

    def __init__(self, settings: TelegramInboxSettings) -> None:
        self._settings = settings
        self._bot: Bot | None = None
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, locator: str, limit: int) -> bytes:
        """The whole file. Raises Transient when it may come later, NotFound or TooLarge (both Refused) when it never will."""
        self._bot = self._bot or make_bot(self._settings)
        try:
            found = await self._bot.get_file(locator)
        except BadRequest as error:
            if "too big" in error.message.lower():
                raise TooLarge("the file is over what the Bot API gives out") from error
            raise NotFound("Telegram has no such file any more") from error
        except (InvalidToken, Forbidden) as error:
            raise Transient("Telegram refuses the bot just now") from error
        except TelegramError as error:
            raise Transient(f"Telegram could not be asked for the file ({type(error).__name__})") from error
        if (found.file_size or 0) > limit:
            raise TooLarge(f"the file has {found.file_size} bytes; {limit} are taken")
        if not found.file_path:
            raise NotFound("Telegram names no place to get the file from")
        return await self._download(found.file_path, limit)

    async def close(self) -> None:
        """Close the connections."""
        if self._bot is not None:
            await close_bot(self._bot)
        if self._client is not None:
            await self._client.aclose()

    async def _download(self, url: str, limit: int) -> bytes:
        proxy = self._settings.proxy
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=self._settings.timeout,
                trust_env=False,
                verify=tls(),
                proxy=proxy.get_secret_value() if proxy else None,
            )
        content = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                if response.status_code in _GONE:
                    raise NotFound("Telegram has no such file any more")
                if response.status_code != httpx.codes.OK:
                    raise Transient(f"Telegram answered {response.status_code} instead of the file")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise TooLarge(f"the file has more than {limit} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Transient(f"the file could not be downloaded ({type(error).__name__})") from error
        return bytes(content)
