"""The simulated Telegram as the simulators run it: the server, its bot, and the customers who write to it."""

from starlette.routing import Mount

from hub.simulators.telegram import face
from hub.simulators.telegram.people import Chatters
from hub.simulators.telegram.server import BotApi
from hub.simulators.telegram.world import World
from runtime.settings import Settings

PATH = "/telegram"
_LOOPBACK = ("http://127.0.0.1", "http://localhost")


class SimulatedTelegram:
    """One bot; its inbox names us in `base_url`."""

    def __init__(self, token: str, answer_seconds: float) -> None:
        self.world = World(token)
        self.chatters = Chatters(self.world, answer_seconds)
        self._api = BotApi(self.world, self.chatters.sent)

    def mount(self) -> Mount:
        """The Bot API and the customers' side, under PATH."""
        return Mount(PATH, routes=[*self._api.routes(), *face.routes(self.world)])

    async def run(self) -> None:
        """Call the webhook, if one is set, until cancelled."""
        try:
            await self._api.updating.deliver()
        finally:
            await self.chatters.stop()


def simulated_telegram(hub: Settings, answer_seconds: float) -> SimulatedTelegram | None:
    """For the first Telegram inbox whose Bot API server is on loopback; None when there is none."""
    for inbox in hub.inboxes:
        if inbox.channel == "telegram" and str(inbox.settings.get("base_url", "")).startswith(_LOOPBACK):
            return SimulatedTelegram(str(inbox.settings["token"]), answer_seconds)
    return None
