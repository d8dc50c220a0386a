"""How updates reach the bot: by long polling, or by a webhook, never both."""

import asyncio
import re
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from hub.simulators.telegram.refusals import Refusal, bad
from hub.simulators.telegram.sending import Call
from hub.simulators.telegram.world import DEFAULT_UPDATES, Json, World

_MAX_POLL_SECONDS = 50
_PORTS = (443, 80, 88, 8443)
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PAUSES = (0.2, 0.5, 1, 2, 5, 10)
_POLLED = "terminated by other getUpdates request; make sure that only one bot instance is running"
_HOOKED = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Updating:
    """`getUpdates`, `setWebhook`, `deleteWebhook`, `getWebhookInfo`, and the calls to the webhook."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._polling: asyncio.Task[list[Json]] | None = None
        self._hook: Json = {"url": ""}
        self._secret = ""
        self._set = asyncio.Event()

    async def get_updates(self, call: Call) -> list[Json]:
        """Confirms what is before `offset`; waits for the first update for at most `timeout` seconds."""
        if self._hook["url"]:
            raise Refusal(409, f"Conflict: {_HOOKED}")
        if self._polling is not None:
            self._polling.cancel()
        polling = self._polling = asyncio.create_task(self._poll(call))
        try:
            return await polling
        except asyncio.CancelledError:
            if self._polling is polling or not polling.cancelled():
                polling.cancel()
                raise
            raise Refusal(409, f"Conflict: {_POLLED}") from None
        finally:
            if self._polling is polling:
                self._polling = None

    async def set_webhook(self, call: Call) -> bool:
        """An https address, or any on loopback (the real one takes none of those)."""
        url, secret = call.text("url"), call.text("secret_token")
        parts = urlsplit(url)
        near = parts.hostname in ("127.0.0.1", "localhost")
        if url and not near and parts.scheme != "https":
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if url and not near and (parts.port or 443) not in _PORTS:
            raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        if secret and not _SECRET.fullmatch(secret):
            raise bad("secret token contains unallowed characters")
        self._allow(call)
        self._hook = {"url": url}
        self._secret = secret
        self._set.set()
        return True

    async def delete_webhook(self, call: Call) -> bool:
        """Updates wait for a poll again."""
        if call.text("drop_pending_updates").lower() == "true":
            self._world.updates.clear()
        self._hook = {"url": ""}
        return True

    async def webhook_info(self, call: Call) -> Json:
        """As it stands."""
        allowed = self._world.allowed
        told = {} if allowed == DEFAULT_UPDATES else {"allowed_updates": sorted(allowed)}
        waiting = len(self._world.updates)
        return {**self._hook, "has_custom_certificate": False, "pending_update_count": waiting, "max_connections": 40, **told}

    async def deliver(self) -> None:
        """Call the webhook with one update after the other, again until it says 2xx. Until cancelled."""
        failures = 0
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            while True:
                if not self._hook["url"]:
                    self._set.clear()
                    await self._set.wait()
                elif not self._world.updates:
                    self._world.news.clear()
                    await self._world.news.wait()
                else:
                    failures = 0 if await self._called(client) else failures + 1
                    await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1] if failures else 0)

    async def _called(self, client: httpx.AsyncClient) -> bool:
        update = self._world.updates[0]
        headers = {"x-telegram-bot-api-secret-token": self._secret} if self._secret else {}
        try:
            response = await client.post(self._hook["url"], json=update, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return self._failed("Connection refused")
        if not response.is_success:
            return self._failed(f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}")
        with suppress(ValueError):
            self._world.updates.remove(update)
        self._reply(response)
        return True

    def _failed(self, why: str) -> bool:
        self._hook |= {"last_error_date": int(time.time()), "last_error_message": why}
        return False

    def _reply(self, response: httpx.Response) -> None:
        """A call that stands in the answer to the webhook; only the one that answers buttons is done."""
        if response.headers.get("content-type", "").startswith("application/json") and response.content:
            said = response.json()
            if isinstance(said, dict) and said.get("method") == "answerCallbackQuery":
                self._world.answered.append(str(said.get("callback_query_id")))

    async def _poll(self, call: Call) -> list[Json]:
        world = self._world
        offset, limit = call.number("offset", 0), call.number("limit", 100)
        until = time.monotonic() + min(call.number("timeout", 0), _MAX_POLL_SECONDS)
        self._allow(call)
        if offset < 0:
            del world.updates[:offset]
        else:
            world.updates[:] = [update for update in world.updates if update["update_id"] >= offset]
        while not world.updates and time.monotonic() < until:
            world.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(until - time.monotonic()):
                    await world.news.wait()
        return world.updates[: max(1, min(limit, 100))]

    def _allow(self, call: Call) -> None:
        """Kept until it is given again; an empty list stands for the usual ones."""
        allowed = call.structure("allowed_updates")
        if isinstance(allowed, list):
            self._world.allowed = frozenset(map(str, allowed)) or DEFAULT_UPDATES
