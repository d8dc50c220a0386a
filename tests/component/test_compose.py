"""docker-compose.yml without an engine: its structure is safe, and every service runs with exactly its command and environment.

Not shown here, because it needs an engine: that the images can be pulled, and that the read-only file systems suffice.
"""

import asyncio
import contextlib
import os
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import yaml
from sqlalchemy.engine import make_url

from deploy.image.run_lock import locked, needed
from deploy.kafka.run import Cluster
from hub.parts import postgres as postgres_part
from hub.parts.services import SERVICES
from runtime.settings import Settings
from schemas.topics import PARTITIONS
from services.desk.settings import DeskSettings
from tests.component.kafka import apache_kafka
from tests.component.test_gateway import haproxy, local, until_ready
from tests.local_parts import free_port

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, Any] = COMPOSE["services"]
ONE_SHOTS = ("secrets", "migrate")
PARTS = ("postgres", "kafka", "valkey")
PUBLISHED = {"gateway": ["8080:8080"], "ingest": ["2525:2525"]}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_locked_down(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "cap_add" not in container
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["user"].split(":")[0] not in {"", "0", "root"}
    assert not container.get("privileged", False)
    assert {"mem_limit", "cpus", "pids_limit"} <= container.keys()


@pytest.mark.parametrize("name", [*SERVICES, *PARTS, "gateway"])
def test_every_lasting_container_is_watched_and_started_again(name: str) -> None:
    container = CONTAINERS[name]
    assert container["healthcheck"]["test"][0] == "CMD"
    assert container["restart"] == "unless-stopped"


def test_there_is_one_container_per_service_and_nothing_unknown() -> None:
    assert set(CONTAINERS) == {*SERVICES, *PARTS, *ONE_SHOTS, "gateway"}
    for name in SERVICES:
        assert CONTAINERS[name]["command"] == ["payvand", "service", name]


def test_only_gateway_and_mail_are_reachable_from_outside() -> None:
    assert {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each} == PUBLISHED
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    reach_out = {name for name, each in CONTAINERS.items() if "outside" in each.get("networks", ())}
    assert reach_out == {"gateway", "ingest", "notifier"}


def test_everything_waits_for_what_it_needs() -> None:
    for name in SERVICES:
        needs = {other: how["condition"] for other, how in CONTAINERS[name]["depends_on"].items()}
        assert needs == {"migrate": "service_completed_successfully", **dict.fromkeys(PARTS, "service_healthy")}
    assert set(CONTAINERS["gateway"]["depends_on"]) == set(SERVICES)
    assert CONTAINERS["postgres"]["depends_on"] == {"secrets": {"condition": "service_completed_successfully"}}


def test_the_order_of_starting_has_no_circle() -> None:
    started: set[str] = set()
    while len(started) < len(CONTAINERS):
        able = {name for name, each in CONTAINERS.items() if set(each.get("depends_on", ())) <= started}
        assert able - started, f"nothing can follow {started}"
        started |= able


def test_what_is_named_is_declared_and_data_stands_in_named_volumes() -> None:
    for container in CONTAINERS.values():
        for volume in container.get("volumes", ()):
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for config in container.get("configs", ()):
            assert (ROOT / COMPOSE["configs"][config["source"]]["file"]).is_file()
        assert set(container.get("networks", ())) <= COMPOSE["networks"].keys()
    for part in ("postgres", "kafka"):
        assert any(volume.startswith(f"{part}:") for volume in CONTAINERS[part]["volumes"])


def test_no_secret_stands_in_an_environment() -> None:
    for container in CONTAINERS.values():
        for name, value in container.get("environment", {}).items():
            assert not re.search(r"(?i)(password|secret_key|token|database_url)$", name), name
            assert not re.search(r"://[^/]*:[^/]*@", str(value))


def test_every_setting_is_one_that_payvand_knows() -> None:
    known = {f"PAYVAND_{name.upper()}" for name in Settings.model_fields} | {"PAYVAND_SECRETS_DIR"}
    known |= {f"PAYVAND_DESK_{name.upper()}" for name in DeskSettings.model_fields}
    for name in (*SERVICES, "migrate"):
        ours = {each for each in CONTAINERS[name]["environment"] if each.startswith("PAYVAND_")}
        assert ours <= known, ours - known


def test_the_image_is_built_from_the_lock_with_hashes_and_does_not_run_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    installs = re.findall(r"pip install .*", text)
    assert installs
    assert all("--require-hashes" in each or "--no-deps /wheels/" in each for each in installs)
    last = text.rsplit("\nFROM ", 1)[1]
    assert "USER payvand" in last
    assert "--uid 10001" in last


def test_the_image_carries_what_runs_with_its_hashes_and_no_test_tools() -> None:
    entries = locked((ROOT / "requirements.lock").read_text())
    assert {"pytest", "fastapi", "pydantic-core"} <= entries.keys()
    assert all("--hash=sha256:" in entry for entry in entries.values())
    names = needed("fastapi")
    assert {"pydantic", "pydantic-core", "starlette"} <= names <= entries.keys()
    assert "pytest" not in names


def expanded(value: str) -> str:
    """${NAME:-default} as it is with nothing set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


@dataclass(frozen=True)
class Site:
    """A deployment on this machine: the container paths and host names, and what stands for them here."""

    folder: Path
    places: Mapping[str, str]
    ports: Mapping[str, int]

    def text(self, name: str, value: str) -> str:
        """A value of the compose file as it must read here for the container `name`."""
        value = expanded(value)
        for there, here in self.places.items():
            value = value.replace(there, here)
        return re.sub(r"\b8081\b", str(self.ports.get(name, 8081)), value)

    def environment(self, name: str) -> dict[str, str]:
        """Exactly the container's variables, beside what any process needs."""
        basic = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        given = {key: self.text(name, str(value)) for key, value in CONTAINERS[name]["environment"].items()}
        if "PAYVAND_SMTP_PORT" in given:
            given["PAYVAND_SMTP_PORT"] = str(self.ports["smtp"])
        return basic | given

    def command(self, name: str, words: list[str]) -> list[str]:
        """The command, with this interpreter for the image's."""
        programs = {
            "python": [sys.executable],
            "payvand": [sys.executable, "-c", "import sys; from hub.cli import main; sys.argv[0] = 'payvand'; main()"],
        }
        return [*programs[words[0]], *(self.text(name, word) for word in words[1:])]

    async def run(self, name: str, words: list[str] | None = None) -> asyncio.subprocess.Process:
        """Start the container's command (or another in its surroundings); output goes to <name>.log."""
        with (self.folder / f"{name}{'.check' if words else ''}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.command(name, words or CONTAINERS[name]["command"]),
                cwd=self.folder / "app",
                env=self.environment(name),
                stdout=log,
                stderr=log,
            )

    async def done(self, name: str, words: list[str] | None = None, seconds: float = 90) -> int:
        """Run to the end; the exit code."""
        process = await self.run(name, words)
        async with asyncio.timeout(seconds):
            return await process.wait()

    def log(self, name: str) -> str:
        """The end of what the container's process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with apache_kafka(tmp_path_factory.mktemp("kafka"), brokers=1) as cluster:
        yield cluster


@pytest.fixture
async def empty_database(postgres_cluster: postgres_part.Cluster) -> AsyncIterator[str]:
    """A database of our role with nothing in it, as the Postgres image makes it."""
    name = f"compose_{uuid4().hex}"
    connection = await asyncpg.connect(host=str(postgres_cluster.sockets), user="postgres", database="postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name} OWNER {postgres_part.ROLE}")
        yield f"postgresql+asyncpg://{postgres_part.ROLE}@/{name}?host={postgres_cluster.sockets}"
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


def make_site(folder: Path, kafka: str, redis_url: str) -> Site:
    for name in ("app", "secrets", "data"):
        (folder / name).mkdir()
    for config in [*CONTAINERS["ingest"]["configs"], *CONTAINERS["secrets"]["configs"]]:
        source = ROOT / COMPOSE["configs"][config["source"]]["file"]
        (folder / config["target"].lstrip("/")).write_bytes(source.read_bytes())
    places = {
        "kafka:9092": kafka,
        "redis://valkey:6379/0": redis_url,
        "/var/lib/payvand": str(folder),
        "/app/": f"{folder}/app/",
    }
    return Site(folder, places, {name: free_port() for name in (*SERVICES, "smtp", "gateway")})


@pytest.mark.xdist_group("apache-kafka")
async def test_every_service_runs_with_its_command_and_environment(
    tmp_path: Path, kafka: Cluster, redis_url: str, empty_database: str
) -> None:
    site = make_site(tmp_path, kafka.bootstrap, redis_url)
    assert await site.done("secrets") == 0, site.log("secrets")
    use_local_database(site, empty_database)
    assert await site.done("migrate") == 0, site.log("migrate")

    async with contextlib.AsyncExitStack() as stack:
        running = {name: await stack.enter_async_context(started(site, name)) for name in SERVICES}
        async with asyncio.TaskGroup() as waiting:
            for name, process in running.items():
                waiting.create_task(until_healthy(site, name, process))
        async with haproxy(local(dict(site.ports), site.ports["gateway"]), tmp_path, site.ports["gateway"]) as client:
            await until_ready(client)
            assert await paths_answer(client) == []
        codes = await asyncio.gather(*(stopped(site, name, process) for name, process in running.items()))
        assert dict(zip(running, codes, strict=True)) == dict.fromkeys(SERVICES, 0)


def use_local_database(site: Site, url: str) -> None:
    """Check the URL that was made for the container, then put the local one in its place."""
    file = site.folder / "secrets" / "payvand_database_url"
    made = make_url(file.read_text())
    assert (made.drivername, made.username, made.host, made.port) == ("postgresql+asyncpg", "payvand", "postgres", 5432)
    assert made.database == CONTAINERS["postgres"]["environment"]["POSTGRES_DB"]
    assert made.password == (site.folder / "secrets" / "postgres_password").read_text()
    file.chmod(0o640)
    file.write_text(url)


@contextlib.asynccontextmanager
async def started(site: Site, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await site.run(name)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_healthy(site: Site, name: str, process: asyncio.subprocess.Process) -> None:
    """Ask the container's own health check, as an engine would."""
    check = CONTAINERS[name]["healthcheck"]["test"][1:]
    for _ in range(600):
        if process.returncode is not None:
            pytest.fail(f"{name} ended with code {process.returncode}:\n{site.log(name)}")
        if await site.done(name, check) == 0:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"{name} was not ready:\n{site.log(name)}")


async def paths_answer(client: httpx.AsyncClient) -> list[str]:
    """Paths of each public service that the gateway could not pass on; a refusal without a key is an answer."""
    paths = ("/openapi.json", "/v1/contacts/lookup?type=email&value=a@b.example", "/v1/queues", "/v1/conversations/1")
    return [path for path in paths if (await client.get(path)).status_code >= 500]


async def stopped(site: Site, name: str, process: asyncio.subprocess.Process) -> int:
    process.terminate()
    async with asyncio.timeout(float(CONTAINERS[name]["stop_grace_period"].removesuffix("s"))):
        return await process.wait()


def test_secrets_are_made_once_are_strong_and_are_not_for_everybody(tmp_path: Path) -> None:
    script = ROOT / COMPOSE["configs"]["make_secrets"]["file"]
    environment = {"PAYVAND_SECRETS_DIR": str(tmp_path)}
    contents = []
    for _ in range(2):
        subprocess.run([sys.executable, str(script)], env=environment, check=True)
        contents.append({file.name: file.read_text() for file in tmp_path.iterdir()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"postgres_password", "payvand_database_url", "payvand_secret_key", "payvand_inboxes"}
    assert len(contents[0]["payvand_secret_key"]) >= 32
    assert len(contents[0]["postgres_password"]) >= 32
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o440 for file in tmp_path.iterdir())


def test_topics_get_the_partitions_that_are_fixed_for_life() -> None:
    assert Settings.model_fields["kafka_partitions"].default == PARTITIONS
    assert all("PAYVAND_KAFKA_PARTITIONS" not in CONTAINERS[name]["environment"] for name in SERVICES)
