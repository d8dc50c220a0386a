"""What this run of the hub consists of: the embedded parts, the services, and the surroundings they are told of."""

import asyncio
import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hub.demo import inboxes
from hub.nursery import Starter
from hub.parts.broker import broker
from hub.parts.gateway import Public, gateway
from hub.parts.part import Launch, Part
from hub.parts.postgres import Cluster, cluster, postgres
from hub.parts.services import ROUTER, SERVICES, Process, processes, service, simulators
from hub.parts.valkey import valkey
from hub.ports import free_ports
from hub.state import secret_key
from runtime.errors import Misconfigured
from schemas.domains import domains_of

EMBEDDED_PARTITIONS = 1
BROKER_MEMORY_MB = 600
CONFIG_FILE = Path("payvand.toml")
WAVES = (
    ("simulators", "ingest"),
    ("profile", "notifier", "desk"),
    ("gateway", "broker", "valkey"),
    ("postgres",),
)
"""How the parts stop: what takes in first, then what works (the routers with it), then what all stand on."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Options:
    """What `payvand up` was asked for."""

    data: Path
    public: Public
    smtp_port: int
    demo: bool = True
    simulators: bool = True
    services: tuple[str, ...] = SERVICES

    @property
    def logs(self) -> Path:
        """Where the parts write."""
        return self.data / "logs"


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of this run; `env` tells a process where they are; `waves` is the order in which they stop."""

    parts: tuple[Part, ...]
    env: Mapping[str, str]
    waves: tuple[tuple[str, ...], ...]
    face_port: int
    service_ports: Mapping[str, int]


def configured() -> dict[str, str]:
    """Settings of the operator, by their upper-case names: the environment over payvand.toml. Raises Misconfigured."""
    found: dict[str, str] = {}
    if CONFIG_FILE.exists():
        try:
            table = tomllib.loads(CONFIG_FILE.read_text())
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"{CONFIG_FILE} is not valid TOML: {error}", hint="mend the line it names") from error
        found = {f"PAYVAND_{name.upper()}": _as_variable(value) for name, value in table.items()}
    return found | {name: value for name, value in os.environ.items() if name.startswith("PAYVAND_")}


def _as_variable(value: Any) -> str:
    """A value of payvand.toml as the environment would hold it: tables and lists as JSON."""
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else str(value)


def routing_domains(told: str) -> tuple[str, ...]:
    """The names of all routing domains by PAYVAND_ROUTING_DOMAINS, `main` first. Raises Misconfigured."""
    try:
        claims = {name: (one.get("inboxes", []), one.get("teams", [])) for name, one in json.loads(told or "{}").items()}
        return domains_of(claims).names
    except (ValueError, AttributeError, TypeError) as error:
        hint = '[routing_domains.sales] with inboxes = ["shop"] and teams = ["sales"], in payvand.toml'
        raise Misconfigured(f"routing_domains: {error}", hint=hint) from error


def revisions_mark() -> str:
    """A digest of all database revisions: the same mark means that there is nothing to migrate."""
    digest = hashlib.sha256()
    folders = [ROOT / "runtime" / "platform", *sorted(ROOT.glob("services/*/adapters/migrations"))]
    for path in (file for folder in folders for file in sorted(folder.glob("versions/*.py"))):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def _once(starter: Starter, command: str, env: Mapping[str, str], stamp: Path, mark: str) -> None:
    """Run a command of ours unless `stamp` tells that it was done for this `mark`."""
    if _text(stamp) != mark:
        await starter.run(command, Launch((command,), env=env, payvand=True))
        await asyncio.to_thread(stamp.write_text, mark)


async def _fill(starter: Starter, env: Mapping[str, str], here: Cluster, demo: bool) -> None:
    """Bring the database up to date, and the demo into it. What was done is remembered inside the folder that it is true of."""
    await _once(starter, "migrate", env, here.folder / "payvand.revisions", revisions_mark())
    if demo:
        await _once(starter, "seed", env, here.folder / "payvand.demo", "1")


def _bells(data: Path) -> Path:
    """The folder of the services' bells. A path too long for a socket leaves them deaf, and slower."""
    folder = data.resolve() / "bells"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.iterdir():
        left.unlink()
    return folder


class Planner:
    """Collects parts and the environment that they make together."""

    def __init__(self, options: Options, starter: Starter) -> None:
        self._options = options
        self._starter = starter
        self._given = configured()
        self._env = {
            "PAYVAND_DATA_DIR": str(options.data.resolve()),
            "PAYVAND_PUBLIC_URL": self._given.get("PAYVAND_PUBLIC_URL", options.public.url),
            "PAYVAND_SMTP_PORT": str(options.smtp_port),
            "PAYVAND_SECRET_KEY": self._given.get("PAYVAND_SECRET_KEY") or secret_key(options.data),
        }
        self._parts: list[Part] = []
        domains = routing_domains(self._given.get("PAYVAND_ROUTING_DOMAINS", ""))
        self._processes: tuple[Process, ...] = processes(options.services, domains)

    def plan(self) -> Plan:
        """Everything, in the order it is shown."""
        options = self._options
        face, cache, log, simulated, mail, *rest = free_ports(5 + len(self._processes))
        ports = {process.name: port for process, port in zip(self._processes, rest, strict=True)}
        self._database()
        self._cache(cache)
        self._log(log)
        below = tuple(part.name for part in self._parts)
        if options.simulators:
            self._env |= {"PAYVAND_SIMULATORS_PORT": str(simulated), "PAYVAND_SIMULATORS_SMTP_PORT": str(mail)}
            self._parts.append(simulators(self._env, simulated))
        if options.demo and "PAYVAND_INBOXES" not in self._given:
            pbx = options.data.resolve() / "simulators" / "pbx" if options.simulators else None
            self._env["PAYVAND_INBOXES"] = inboxes(
                self._env["PAYVAND_SECRET_KEY"], mail, simulated if options.simulators else None, pbx
            )
        if "router" in ports:
            self._env["PAYVAND_DESK_ROUTER_URL"] = f"http://127.0.0.1:{ports['router']}"
        self._parts += [service(process, self._env, ports[process.name], below) for process in self._processes]
        self._parts.append(gateway(options.data, options.public, self._backends(ports, face)))
        routers = tuple(process.name for process in self._processes if process.service == ROUTER)
        waves = (WAVES[0], WAVES[1] + routers, *WAVES[2:])
        return Plan(tuple(self._parts), self._env, waves, face, ports)

    def _backends(self, ports: Mapping[str, int], face: int) -> dict[str, tuple[int, ...]]:
        """The ports behind each service's name, the one to be asked first; the hub answers for what does not run."""
        found = {
            name: tuple(ports[process.name] for process in self._processes if process.service == name) or (face,)
            for name in SERVICES
        }
        return found | {"hub": (face,)}

    def _database(self) -> None:
        """Postgres of our own, unless the operator names another, which `payvand migrate` brings up to date."""
        if "PAYVAND_DATABASE_URL" in self._given:
            return
        here: Cluster = cluster(self._options.data)
        self._env["PAYVAND_DATABASE_URL"] = here.url
        fill = partial(_fill, self._starter, self._env, here, self._options.demo)
        self._parts.append(postgres(here, migrate=fill))

    def _cache(self, port: int) -> None:
        if "PAYVAND_REDIS_URL" in self._given:
            return
        self._env["PAYVAND_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        self._parts.append(valkey(self._options.data, port))

    def _log(self, port: int) -> None:
        """The broker; as its log is new at every start, so are the services that follow it."""
        if "PAYVAND_KAFKA_BOOTSTRAP_SERVERS" in self._given:
            return
        self._env |= {
            "PAYVAND_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
            "PAYVAND_KAFKA_GROUPS": "false",
            "PAYVAND_KAFKA_IDEMPOTENT": "false",
            "PAYVAND_KAFKA_PARTITIONS": str(EMBEDDED_PARTITIONS),
            "PAYVAND_BELLS_DIR": str(_bells(self._options.data)),
        }
        self._parts.append(
            broker(port, renews=tuple(process.name for process in self._processes), memory_limit=self._broker_memory())
        )

    def _broker_memory(self) -> int:
        """PAYVAND_BROKER_MEMORY_MB in bytes. Raises Misconfigured."""
        given = self._given.get("PAYVAND_BROKER_MEMORY_MB", str(BROKER_MEMORY_MB))
        if not given.isdecimal() or not int(given):
            raise Misconfigured(f"PAYVAND_BROKER_MEMORY_MB is {given!r}", hint=f"a whole number such as {BROKER_MEMORY_MB}")
        return int(given) * 1024 * 1024
