"""A whole hub as a child process, as a user starts it, for system and reliability tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from hub.state import HubState
from tests.local_parts import free_port

START_SECONDS = 120
NOTHING = "/nonexistent"
"""The hub's PATH: whatever Java, Node, browser or Postgres the machine has, the hub gets along without them."""


class RunningHub:
    """One `payvand up` on a folder of its own. May be killed and started again on the same data."""

    def __init__(self, folder: Path, env: Mapping[str, str], options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.smtp_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {**os.environ, "PATH": NOTHING, **env}
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> HubState:
        """What the hub says of itself."""
        return HubState.read(self.folder)

    def pid(self, part: str) -> int:
        """The process id of one part."""
        return next(found.pid for found in self.state.parts if found.name == part and found.pid)

    def start(self) -> None:
        """Start it and return when it is ready."""
        command = [sys.executable, "-m", "hub.cli", "up", "--data", str(self.folder), "--port", str(self.port)]
        command += ["--smtp-port", str(self.smtp_port), *self._options]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "console.txt").open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._env, start_new_session=True
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when the hub says that all of it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the hub ended: {(self.folder / 'console.txt').read_text()[-2000:]}")
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=10).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"the hub is not ready: {(self.folder / 'console.txt').read_text()[-2000:]}")

    def kill_part(self, part: str) -> None:
        """Kill -9 one part."""
        os.kill(self.pid(part), signal.SIGKILL)

    def kill(self) -> None:
        """Kill -9 the hub itself; the kernel takes its parts along."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def pids(self) -> set[int]:
        """All processes of the hub, with the children of their children."""
        assert self._process is not None
        hub = psutil.Process(self._process.pid)
        return {hub.pid, *(child.pid for child in hub.children(recursive=True))}

    def stop(self) -> int | None:
        """Stop it as Ctrl-C does; gives its exit code, None when it was never started."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
        return self._process.returncode


@contextmanager
def hub(folder: Path, env: Mapping[str, str] | None = None, *options: str) -> Iterator[RunningHub]:
    """A ready hub, stopped at the end."""
    running = RunningHub(folder, env or {}, options)
    running.start()
    try:
        yield running
    finally:
        running.stop()
