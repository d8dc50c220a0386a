"""Customers who call, and the calls that are missed."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

from hub.simulators.pbx import Pbx, Ring
from hub.simulators.settings import SimulatorSettings
from runtime.settings import Settings

_CALLERS = (
    ("+989121112233", "نرگس مرادی"),
    ("+74951234501", "Ирина Волкова"),
    ("+442079460123", "Oliver Hughes"),
    ("+989352223344", "حسین رستمی"),
    ("+79165550102", "Дмитрий Лебедев"),
    ("+12125550147", "Amelia Brooks"),
    ("anonymous", ""),
)
_AGENTS = ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003")


def rings(seed: int) -> Iterator[Ring]:
    """Without end, the same for the same seed; every second or third caller gives up."""
    chance = random.Random(seed)  # noqa: S311 - a script, not a secret
    while True:
        for caller, name in chance.sample(_CALLERS, len(_CALLERS)):
            answered = chance.random() < 0.6
            talk = chance.uniform(2, 10) if answered else 0.0
            queue = chance.choice(("support", "sales"))
            yield Ring(caller, queue, chance.uniform(0.5, 4), talk, chance.choice(_AGENTS), name)


class Callers:
    """Calls a simulated PBX now and then; after a restart goes on with the next call."""

    def __init__(self, pbx: Pbx, done: Path, settings: SimulatorSettings) -> None:
        self._pbx, self._done, self._settings = pbx, done, settings

    async def run(self) -> None:
        """Until cancelled. Waits and talks take as long, in answer times, as they say."""
        settings = self._settings
        done = int(self._done.read_text()) if self._done.exists() else 0
        self._pbx.begin()
        coming = rings(settings.seed)
        for _ in range(done):
            next(coming)
        await asyncio.sleep(settings.first_after_seconds)
        for number in range(done + 1, settings.conversations + 1):
            ring = next(coming)
            scale = settings.answer_seconds
            await self._pbx.ring(Ring(ring.caller, ring.queue, ring.wait * scale, ring.talk * scale, ring.agent, ring.name))
            await asyncio.to_thread(self._done.write_text, str(number))
            await asyncio.sleep(settings.every_seconds)
        await asyncio.Event().wait()


def simulated_callers(settings: SimulatorSettings, hub: Settings) -> Callers | None:
    """The PBX of the hub's first call inbox that follows a queue log in the simulators' own folder, if there is one."""
    own = (hub.data_dir / "simulators").resolve()
    for inbox in hub.inboxes:
        files = inbox.settings.get("files")
        if inbox.channel == "call" and files and own in Path(files).resolve().parents:
            folder = Path(files).resolve().parent
            return Callers(Pbx(folder), folder / "calls", settings)
    return None
