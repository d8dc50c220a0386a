"""`payvand up` as an operator meets it: it becomes ready, mends itself, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.hub_process import NOTHING, RunningHub
from tests.local_parts import free_port

PATIENCE = 120.0
"""Seconds; a machine that runs the whole suite is slow. What is fast or slow is measured by the benchmarks, not here."""
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {PATIENCE:.0f} s")
        time.sleep(0.1)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "hub.cli", *words]


def _pid(hub: RunningHub, part: str) -> int | None:
    """The part's process now; None while it is being started again."""
    state = hub.state
    return state.nursery_pid if part == "nursery" else next(one.pid for one in state.parts if one.name == part)


def _gone(pids: set[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def test_ready_names_every_part(demo: RunningHub) -> None:
    told = httpx.get(f"{demo.url}/health/ready", timeout=20).json()
    assert told["status"] == "ready"
    assert {"postgres", "valkey", "broker", "gateway", "ingest", "profile", "router", "notifier", "desk"} <= set(told["parts"])
    assert {part["state"] for part in told["parts"].values()} == {"ready"}


def test_the_hub_runs_with_no_program_of_the_system(demo: RunningHub) -> None:
    parts = [psutil.Process(part.pid) for part in demo.state.parts if part.pid]
    assert len(parts) >= 9
    for part in parts:
        own = Path(sys.prefix).resolve()
        assert part.environ().get("PATH", "").split(":")[-1] in (NOTHING, ""), part.cmdline()[0]
        assert Path(part.exe()).resolve().is_relative_to(own) or Path(part.exe()).samefile(Path(sys.executable).resolve())


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
def test_the_one_port_answers_for_everybody(demo: RunningHub, path: str, kind: str) -> None:
    answer = httpx.get(demo.url + path, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)


def test_an_event_published_by_the_command_is_explained_by_the_command(demo: RunningHub, tmp_path: Path) -> None:
    sender = {"identifiers": [{"type": "email", "value": "nasrin@example.org"}], "display_name": "Nasrin"}
    data = {"inbox": "support", "channel": "email", "sender": sender, "occurred_at": "2026-01-01T10:00:00Z", "text": "سلام"}
    event = {"specversion": "1.0", "id": "up-1", "source": "urn:test", "type": "payvand.interaction.received.v1", "data": data}
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))

    def say(*words: str) -> str:
        return subprocess.run(_command(*words, "--data", str(demo.folder)), capture_output=True, text=True, check=True).stdout

    first = json.loads(say("events", "publish", str(file), "--json"))
    again = json.loads(say("events", "publish", str(file), "--json"))
    assert first == again

    shown: dict[str, Any] = {}

    def known() -> bool:
        asked = _command("contact", "show", "email:nasrin@example.org", "--json", "--data", str(demo.folder))
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        shown.update(json.loads(done.stdout) if done.returncode == 0 else {})
        return bool(shown.get("timeline"))

    _until(known, "the contact")
    assert [item["interaction_id"] for item in shown["timeline"]] == first["ids"]
    sentence = say("explain", shown["timeline"][0]["conversation_id"]).splitlines()[0]
    assert "support" in sentence


@pytest.mark.parametrize("part", ["router", "postgres", "valkey", "broker", "gateway", "nursery"])
def test_a_part_killed_hard_comes_back_and_the_hub_is_ready_again(demo: RunningHub, part: str) -> None:
    demo.wait_ready()
    old = _pid(demo, part)
    assert old is not None
    os.kill(old, signal.SIGKILL)
    _until(lambda: _pid(demo, part) not in {None, old}, f"the return of {part}")
    demo.wait_ready()


def test_a_new_log_means_new_services(demo: RunningHub) -> None:
    demo.wait_ready()
    before = {name: _pid(demo, name) for name in ("broker", "ingest", "profile", "router", "notifier", "desk")}
    os.kill(before["broker"] or 0, signal.SIGKILL)
    _until(lambda: all(_pid(demo, name) not in {None, old} for name, old in before.items()), "new services")
    demo.wait_ready()


def test_a_second_hub_on_the_same_data_is_refused_in_one_sentence(demo: RunningHub) -> None:
    command = _command("up", "--data", str(demo.folder), "--port", str(free_port()), "--smtp-port", str(free_port()))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_counts_what_each_part_uses(demo: RunningHub) -> None:
    demo.wait_ready()
    done = subprocess.run(_command("status", "--json", "--data", str(demo.folder)), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["state"] == "ready"
    assert all(part["memory"] > 1_000_000 for part in told["parts"])
    assert told["memory"] == sum(part["memory"] for part in told["parts"])


def test_no_secret_stands_in_the_state_or_the_logs(demo: RunningHub) -> None:
    key = (demo.folder / "secret.key").read_text().strip()
    files = [demo.folder / "hub.json", *demo.folder.glob("logs/*")]
    assert len(files) > 5
    assert not [file.name for file in files if key in file.read_text(errors="replace")]


def test_stop_leaves_no_process_and_the_data_stays(demo: RunningHub) -> None:
    """Stopped, started, killed, started: the hub that the other tests share runs again at the end."""
    demo.wait_ready()
    pids, sockets = demo.pids(), demo.state.env["PAYVAND_DATABASE_URL"].partition("host=")[2]
    assert len(pids) > 10
    assert demo.stop() == 0
    assert _gone(pids)
    assert not Path(sockets).exists()
    assert demo.state.state == "stopped"
    demo.start()
    pids = demo.pids()
    demo.kill()
    _until(lambda: _gone(pids), "the end of everything after kill -9 of the hub")
    demo.start()
