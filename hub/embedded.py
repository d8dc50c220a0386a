"""The embedded run: one hub from start to stop."""

import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console

from hub.console import Journal
from hub.demo import LOGINS, PASSWORD
from hub.face import Face
from hub.nursery import Nursery, Starter
from hub.plan import Options, Plan, Planner
from hub.ports import require_free
from hub.process import open_log
from hub.state import HubState, Lock
from hub.supervisor import Supervisor

SECRETS = frozenset({"PAYVAND_SECRET_KEY", "PAYVAND_INBOXES"})
"""Settings that do not go into hub.json."""


class Hub:
    """One embedded hub on one data folder. Raises Conflict when the folder or a public port is in use."""

    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Run until a signal comes; returns the exit code."""
        options = self._options
        options.data.mkdir(mode=0o711, parents=True, exist_ok=True)
        options.logs.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(Lock(options.data))
            require_free(options.public.host, options.public.port, "--port")
            require_free("127.0.0.1", options.smtp_port, "--smtp-port")
            os.close(open_log(options.logs, "hub", rotate=True))
            self._journal = Journal(self._console, options.logs / "hub.log")
            stack.callback(self._journal.close)
            return await self._supervised()

    async def _supervised(self) -> int:
        starter = Starter(self._options.logs, await self._nursery())
        plan = Planner(self._options, starter).plan()
        supervisor = Supervisor(plan.parts, starter, self._listen)
        self._supervisor, self._state = supervisor, self._first_state(plan)
        self._follow_signals()
        server = await Face(supervisor, plan.service_ports, self._options.public.url).serve(plan.face_port)
        supervisor.start()
        watching = asyncio.create_task(supervisor.watch())
        stopping = asyncio.create_task(self._stop.wait())
        greeting = asyncio.create_task(self._greet())
        try:
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
        finally:
            greeting.cancel()
            watching.cancel()
            await self._end(plan)
            server.close()
        return 0

    async def _nursery(self) -> Nursery | None:
        """The nursery on Linux, its imports begun; elsewhere forking after imports is not safe."""
        if sys.platform != "linux":
            return None
        nursery = Nursery(open_log(self._options.logs, "nursery", rotate=True))
        await nursery.start()
        return nursery

    def _first_state(self, plan: Plan) -> HubState:
        public = self._options.public
        return HubState(
            pid=os.getpid(),
            url=public.url,
            port=public.port,
            smtp_port=self._options.smtp_port,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            env={name: value for name, value in plan.env.items() if name not in SECRETS},
        )

    def _follow_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._supervisor.hurry()
        self._stop.set()

    def _listen(self, name: str, kind: str, fields: dict[str, object]) -> None:
        self._journal.tell(name, kind, fields)
        self._write_state()

    def _write_state(self) -> None:
        supervisor, state = self._supervisor, self._state
        state.parts = supervisor.states
        state.nursery_pid = supervisor.starter.nursery.pid if supervisor.starter.nursery else None
        if supervisor.stopping:
            state.state = "stopping"
        else:
            state.state = "ready" if supervisor.ready else "starting"
        state.write(self._options.data)

    async def _greet(self) -> None:
        """Wait until all is ready, once, and say where things are."""
        await self._supervisor.until_ready([state.name for state in self._supervisor.states])
        self._write_state()
        self._journal.welcome(self._places())
        if self._options.demo and not self._options.public.local:
            self._journal.say("The demo's passwords are public, and other machines can reach this hub: use --no-demo there.")

    def _places(self) -> dict[str, str]:
        url, ports = self._options.public.url, {state.name: state.port for state in self._supervisor.states}
        rows = {"Desk": url}
        if self._options.demo:
            rows["Login"] = f"{', '.join(LOGINS)}; password {PASSWORD}"
        rows |= {"Web chat demo": f"{url}/chat/demo", "Mail (SMTP)": f"127.0.0.1:{self._options.smtp_port}"}
        if "simulators" in ports:
            rows["Simulated mail"] = f"http://127.0.0.1:{ports['simulators']}"
        return rows | {"API": f"{url}/docs", "Data": str(self._options.data), "Stop": "Ctrl-C"}

    async def _end(self, plan: Plan) -> None:
        self._journal.say("Stopping; the data stays. Ctrl-C again hurries.")
        await self._supervisor.stop(plan.waves)
        self._state.state = "stopped"
        self._state.parts, self._state.nursery_pid = self._supervisor.states, None
        self._state.write(self._options.data)
        self._journal.record("hub stopped")
        self._journal.say("Stopped.")
