"""Runs the simulators: one process, loopback only."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from hub.simulators.correspondents import Correspondents
from hub.simulators.mailbox import Mail, Mailbox
from hub.simulators.mailboxes import fetching, simulated_mailboxes
from hub.simulators.page import page
from hub.simulators.pbx_callers import simulated_callers
from hub.simulators.script import Conversation, conversations
from hub.simulators.settings import SimulatorSettings
from hub.simulators.telegram.part import SimulatedTelegram, simulated_telegram
from hub.simulators.twilio.part import SimulatedTwilio, simulated_twilio
from hub.simulators.visitors import Visitors
from runtime.settings import Settings


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: whoever runs the simulators stops them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    asyncio.run(_until_stopped())


async def _until_stopped() -> None:
    task = asyncio.create_task(run())
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def run(settings: SimulatorSettings | None = None, hub: Settings | None = None) -> None:
    """Serve until cancelled. The hub's settings tell its SMTP port, its URL and its inboxes."""
    settings = settings or SimulatorSettings()
    hub = hub or Settings()
    telegram = simulated_telegram(hub, settings.answer_seconds)
    twilio = simulated_twilio(hub, settings.answer_seconds)
    async with simulators(settings, hub, telegram, twilio) as mailbox:
        mounts = [side.mount() for side in (telegram, twilio) if side]
        config = uvicorn.Config(
            page(mailbox, mounts), host="127.0.0.1", port=settings.port, log_level="warning", lifespan="off"
        )
        await _Server(config).serve()


@asynccontextmanager
async def simulators(
    settings: SimulatorSettings,
    hub: Settings,
    telegram: SimulatedTelegram | None = None,
    twilio: SimulatedTwilio | None = None,
) -> AsyncIterator[Mailbox]:
    """The providers and their customers, without the page."""
    folder = hub.data_dir / "simulators"
    customers = _customers(settings, hub, telegram, twilio)
    fetched = simulated_mailboxes(hub, settings.imap_port)
    mailbox = Mailbox(folder / "mails", customers.replied, fetched[1] if fetched else None)
    await mailbox.start(settings.smtp_port)
    if fetched and settings.imap_port:
        await fetched[0].start(settings.imap_port)
    tasks = [asyncio.create_task(customers.live(folder / "begun"))]
    if telegram:
        tasks.append(asyncio.create_task(telegram.run()))
    if callers := simulated_callers(settings, hub):
        tasks.append(asyncio.create_task(callers.run()))
    try:
        yield mailbox
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if twilio:
            await twilio.stop()
        if fetched:
            await fetched[0].stop()
        await mailbox.stop()


class Customers:
    """All simulated customers. Those whose channel has no inbox stay away."""

    def __init__(
        self,
        settings: SimulatorSettings,
        mail: Correspondents | None,
        chat: Visitors | None,
        telegram: SimulatedTelegram | None = None,
        twilio: SimulatedTwilio | None = None,
    ) -> None:
        self._settings = settings
        self._mail = mail
        self._chat = chat
        self._telegram = telegram
        self._twilio = twilio
        self._visits: set[asyncio.Task[None]] = set()

    async def replied(self, mail: Mail) -> None:
        """A mail has come for one of them."""
        if self._mail is not None:
            await self._mail.replied(mail)

    async def live(self, begun: Path) -> None:
        """Begin one conversation after the other, going on where the last run ended; then only answer."""
        settings = self._settings
        planned = [found for found in conversations(settings.seed) if self._possible(found)][: settings.conversations]
        done = await asyncio.to_thread(_count, begun)
        for conversation in planned[:done]:
            if self._mail is not None and conversation.channel == "email":
                self._mail.expect(conversation)
            elif self._telegram is not None and conversation.channel == "telegram":
                self._telegram.chatters.expect(conversation)
            elif self._twilio is not None and conversation.channel == "sms":
                self._twilio.expect(conversation)
        try:
            await asyncio.sleep(settings.first_after_seconds)
            for number, conversation in enumerate(planned[done:], done + 1):
                await self._begin(conversation)
                await asyncio.to_thread(begun.write_text, str(number))
                await asyncio.sleep(settings.every_seconds)
            await asyncio.Event().wait()
        finally:
            for visit in self._visits:
                visit.cancel()
            await asyncio.gather(*self._visits, return_exceptions=True)

    def _possible(self, conversation: Conversation) -> bool:
        sides = {"email": self._mail, "webchat": self._chat, "telegram": self._telegram, "sms": self._twilio}
        return sides[conversation.channel] is not None

    async def _begin(self, conversation: Conversation) -> None:
        if conversation.channel == "email" and self._mail is not None:
            await self._mail.begin(conversation)
        elif conversation.channel == "telegram" and self._telegram is not None:
            self._telegram.chatters.begin(conversation)
        elif conversation.channel == "sms" and self._twilio is not None:
            await self._twilio.begin(conversation)
        elif self._chat is not None:
            visit = asyncio.create_task(self._chat.visit(conversation))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)


def _count(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0


def _customers(
    settings: SimulatorSettings, hub: Settings, telegram: SimulatedTelegram | None, twilio: SimulatedTwilio | None
) -> Customers:
    support = next((str(inbox.settings.get("address", "")) for inbox in hub.inboxes if inbox.channel == "email"), "")
    web = next((inbox.name for inbox in hub.inboxes if inbox.channel == "webchat"), "")
    chat_url = f"{hub.public_url.rstrip('/').replace('http', 'ws', 1)}/chat/{web}"
    # A mailbox that is fetched from stands at the provider; else mail goes to the hub itself.
    fetched = support.lower() in fetching(hub, settings.imap_port)
    exchanger = ("127.0.0.1", settings.smtp_port) if fetched else (hub.smtp_host, hub.smtp_port)
    mail = Correspondents(exchanger, support, settings.answer_seconds) if support else None
    return Customers(settings, mail, Visitors(chat_url, settings.answer_seconds) if web else None, telegram, twilio)
