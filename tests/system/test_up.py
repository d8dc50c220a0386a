"""`payvand up` as an operator meets it: it becomes ready, mends itself, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.local_parts import free_port

PATIENCE = 120.0
"""Seconds; a machine that runs the whole suite is slow. What is fast or slow is measured by the benchmarks, not here."""
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Running:
    """A hub of this test."""

    process: subprocess.Popen[bytes]
    data: Path
    url: str

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "hub.json").read_text())
        return found

    def pid(self, part: str) -> int | None:
        if part == "nursery":
            return self.state()["nursery_pid"]
        return next(one["pid"] for one in self.state()["parts"] if one["name"] == part)

    def pids(self) -> set[int]:
        """All processes of the hub, with the children of their children."""
        hub = psutil.Process(self.process.pid)
        return {hub.pid, *(child.pid for child in hub.children(recursive=True))}

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {PATIENCE:.0f} s")
        time.sleep(0.1)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "hub.cli", *words]


@contextmanager
def _hub(data: Path) -> Iterator[Running]:
    port = free_port()
    command = _command("up", "--data", str(data), "--port", str(port), "--smtp-port", str(free_port()))
    with (data.parent / f"{data.name}.out").open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    hub = Running(process, data, f"http://127.0.0.1:{port}")
    try:
        _until(lambda: process.poll() is not None or hub.ready(), "readiness")
        assert process.poll() is None, (data.parent / f"{data.name}.out").read_text()
        yield hub
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _gone(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with _hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


def test_ready_names_every_part(hub: Running) -> None:
    told = httpx.get(f"{hub.url}/health/ready", timeout=5).json()
    assert told["status"] == "ready"
    assert {"postgres", "valkey", "broker", "gateway", "ingest", "profile", "router", "notifier", "desk"} <= set(told["parts"])
    assert {part["state"] for part in told["parts"].values()} == {"ready"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/docs", "text/html"),
        ("/openapi.json", "application/json"),
        ("/asyncapi", "text/html"),
        ("/asyncapi.json", "application/json"),
        ("/metrics", "text/plain"),
        ("/health/live", "application/json"),
        ("/chat/demo", "text/html"),
    ],
)
def test_the_one_port_answers_for_everybody(hub: Running, path: str, kind: str) -> None:
    answer = httpx.get(hub.url + path, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)


def test_an_event_published_by_the_command_is_explained_by_the_command(hub: Running, tmp_path: Path) -> None:
    sender = {"identifiers": [{"type": "email", "value": "nasrin@example.org"}], "display_name": "Nasrin"}
    data = {"inbox": "support", "channel": "email", "sender": sender, "occurred_at": "2026-01-01T10:00:00Z", "text": "سلام"}
    event = {"specversion": "1.0", "id": "up-1", "source": "urn:test", "type": "payvand.interaction.received.v1", "data": data}
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))

    def say(*words: str) -> str:
        return subprocess.run(_command(*words, "--data", str(hub.data)), capture_output=True, text=True, check=True).stdout

    first = json.loads(say("events", "publish", str(file), "--json"))
    again = json.loads(say("events", "publish", str(file), "--json"))
    assert first == again

    shown: dict[str, Any] = {}

    def known() -> bool:
        asked = _command("contact", "show", "email:nasrin@example.org", "--json", "--data", str(hub.data))
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        shown.update(json.loads(done.stdout) if done.returncode == 0 else {})
        return bool(shown.get("timeline"))

    _until(known, "the contact")
    assert [item["interaction_id"] for item in shown["timeline"]] == first["ids"]
    sentence = say("explain", shown["timeline"][0]["conversation_id"]).splitlines()[0]
    assert "support" in sentence


@pytest.mark.parametrize("part", ["router", "postgres", "valkey", "broker", "gateway", "nursery"])
def test_a_part_killed_hard_comes_back_and_the_hub_is_ready_again(hub: Running, part: str) -> None:
    _until(hub.ready, "readiness before")
    old = hub.pid(part)
    assert old is not None
    os.kill(old, signal.SIGKILL)
    _until(lambda: hub.pid(part) not in {None, old} and hub.ready(), f"the return of {part}")


def test_a_new_log_means_new_services(hub: Running) -> None:
    _until(hub.ready, "readiness before")
    before = {name: hub.pid(name) for name in ("broker", "ingest", "profile", "router", "notifier", "desk")}
    os.kill(before["broker"] or 0, signal.SIGKILL)
    _until(lambda: all(hub.pid(name) not in {None, old} for name, old in before.items()) and hub.ready(), "new services")


def test_a_second_hub_on_the_same_data_is_refused_in_one_sentence(hub: Running) -> None:
    command = _command("up", "--data", str(hub.data), "--port", str(free_port()), "--smtp-port", str(free_port()))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_counts_what_each_part_uses(hub: Running) -> None:
    _until(hub.ready, "readiness before")
    done = subprocess.run(_command("status", "--json", "--data", str(hub.data)), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["state"] == "ready"
    assert all(part["memory"] > 1_000_000 for part in told["parts"])
    assert told["memory"] == sum(part["memory"] for part in told["parts"])


def test_no_secret_stands_in_the_state_or_the_logs(hub: Running) -> None:
    key = (hub.data / "secret.key").read_text().strip()
    files = [hub.data / "hub.json", *hub.data.glob("logs/*")]
    assert len(files) > 5
    assert not [file.name for file in files if key in file.read_text(errors="replace")]


def test_stop_is_quick_and_leaves_no_process_and_the_data_stays(tmp_path: Path) -> None:
    with _hub(tmp_path / "data") as hub:
        pids, sockets = hub.pids(), hub.state()["env"]["PAYVAND_DATABASE_URL"].partition("host=")[2]
        assert len(pids) > 10
        hub.process.send_signal(signal.SIGINT)
        assert hub.process.wait(30) == 0
        assert _gone(pids)
        assert not Path(sockets).exists()
        assert hub.state()["state"] == "stopped"
    with _hub(tmp_path / "data") as hub:
        pids = hub.pids()
        hub.process.kill()
        hub.process.wait(10)
        _until(lambda: _gone(pids), "the end of everything after kill -9 of the hub")
    with _hub(tmp_path / "data"):
        pass
