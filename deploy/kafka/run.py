"""Apache Kafka (KRaft) from Maven's jars: as many brokers on loopback as asked for, for tests and for a look at the real log.

    python -m deploy.kafka.run --brokers 3 --dir /tmp/kafka

Each node is broker and controller. Topics are never made by themselves. With three or more brokers a topic has three copies and
an acknowledged record stands on two of them. Meant for one machine and for tests: no TLS, no authentication, loopback only.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from hub.ports import free_ports

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
CACHE = HERE.parents[1] / ".cache" / "kafka"
HOST = "127.0.0.1"


class UnavailableError(RuntimeError):
    """Kafka cannot be started on this machine; the message says what is missing and how to get it."""


def missing_tools() -> UnavailableError | None:
    """What keeps this machine from running Kafka, or None. Jars that are already cached need no Maven."""
    if shutil.which("java") is None:
        return UnavailableError("Java is missing (17 or newer): on Debian `apt-get install default-jre-headless`")
    if not _cached().is_dir() and shutil.which("mvn") is None:
        return UnavailableError("Maven is missing, and the broker's jars are not cached: on Debian `apt-get install maven`")
    return None


def _cached() -> Path:
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]


def jars() -> Path:
    """The folder with the broker's jars, fetched by Maven the first time. Raises UnavailableError."""
    target = _cached()
    if target.is_dir():
        return target
    problem = missing_tools()
    if problem is not None:
        raise problem
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=CACHE))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
    done = subprocess.run(["mvn", "-B", "-q", "-f", str(POM), *goal], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(fresh)
        raise UnavailableError(f"Maven could not fetch Kafka's jars:\n{(done.stdout + done.stderr)[-2000:]}")
    try:
        fresh.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(fresh)
    return target


@dataclass(frozen=True)
class Plan:
    """What must stay the same when the cluster is started again on its data."""

    cluster_id: str
    client_ports: list[int]
    controller_ports: list[int]


@dataclass
class Cluster:
    """Brokers 1…n under `directory`. Started again on the same directory, it has the same ports and data.

    All methods block; call them through `asyncio.to_thread` from a running loop.
    """

    directory: Path
    brokers: int = 3
    first_port: int | None = None
    heap: str = "512m"
    _running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    _plan: Plan | None = None

    @property
    def plan(self) -> Plan:
        """Read from the directory, or made and written there."""
        if self._plan is None:
            self._plan = self._load_plan()
        return self._plan

    @property
    def bootstrap(self) -> str:
        """host:port of every broker, by comma, as clients want it."""
        return ",".join(f"{HOST}:{port}" for port in self.plan.client_ports)

    @property
    def running(self) -> tuple[int, ...]:
        """The brokers whose process lives."""
        return tuple(sorted(node for node, process in self._running.items() if process.poll() is None))

    def start(self, timeout: float = 200) -> Self:
        """Start every broker and wait until all of them answer."""
        try:
            for node in range(1, self.brokers + 1):
                self.start_broker(node)
            self.wait_ready(timeout)
        except BaseException:
            self.stop(grace=0)
            raise
        return self

    def start_broker(self, node: int) -> None:
        """Start one broker (again); does not wait."""
        home = self.directory / f"broker-{node}"
        if not (home / "data" / "meta.properties").exists():
            self._format(node)
        log = (self.directory / f"broker-{node}.log").open("ab")
        with log:
            self._running[node] = subprocess.Popen(
                self._java("kafka.Kafka", str(home / "server.properties"), heap=self.heap),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill_broker(self, node: int) -> None:
        """kill -9: no goodbye, nothing flushed. The data stays for `start_broker`."""
        process = self._running.pop(node)
        process.kill()
        process.wait()

    def pause_broker(self, node: int) -> None:
        """SIGSTOP: it hangs, its connections stay open."""
        self._running[node].send_signal(signal.SIGSTOP)

    def resume_broker(self, node: int) -> None:
        """SIGCONT after `pause_broker`."""
        self._running[node].send_signal(signal.SIGCONT)

    def stop(self, grace: float = 20) -> None:
        """Stop all: politely, and after `grace` seconds by force."""
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        deadline = time.monotonic() + grace
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def wait_ready(self, timeout: float = 200, brokers: int | None = None) -> None:
        """Wait until every running broker says that `brokers` (default: all started) are in the cluster.

        Raises TimeoutError, or UnavailableError with the end of its log when a broker has died.
        """
        expected = brokers if brokers is not None else len(self._running)
        deadline = time.monotonic() + timeout
        while not self._agree(expected):
            self._raise_if_dead()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{expected} brokers were not ready after {timeout:.0f} s; logs are in {self.directory}")
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _agree(self, expected: int) -> bool:
        ports = [self.plan.client_ports[node - 1] for node in self.running]
        if not all(_listens(port) for port in ports):
            return False
        return all(asyncio.run(_members(f"{HOST}:{port}")) == expected for port in ports)

    def _raise_if_dead(self) -> None:
        for node, process in self._running.items():
            if process.poll() is not None:
                tail = (self.directory / f"broker-{node}.log").read_text(errors="replace")[-2000:]
                raise UnavailableError(f"broker {node} ended with code {process.returncode}:\n{tail}")

    def _load_plan(self) -> Plan:
        file = self.directory / "cluster.json"
        if file.exists():
            return Plan(**json.loads(file.read_text()))
        self.directory.mkdir(parents=True, exist_ok=True)
        ports = list(free_ports(2 * self.brokers))
        clients = ports[: self.brokers]
        if self.first_port is not None:
            clients = list(range(self.first_port, self.first_port + self.brokers))
        plan = Plan(_random_id(), clients, ports[self.brokers :])
        file.write_text(json.dumps(asdict(plan)))
        return plan

    def _format(self, node: int) -> None:
        home = self.directory / f"broker-{node}"
        home.mkdir(parents=True, exist_ok=True)
        settings = home / "server.properties"
        settings.write_text(self._properties(node))
        command = self._java("kafka.tools.StorageTool", "format", "-t", self.plan.cluster_id, "-c", str(settings))
        subprocess.run(command, capture_output=True, check=True)

    def _properties(self, node: int) -> str:
        plan = self.plan
        copies = min(3, self.brokers)
        insync = max(1, copies - 1)
        voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(plan.controller_ports, 1))
        client, controller = plan.client_ports[node - 1], plan.controller_ports[node - 1]
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{client}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.directory / f"broker-{node}" / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": insync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": insync,
            "transaction.state.log.num.partitions": 4,
            # A dead broker is noticed in less than the usual nine seconds; a busy machine still keeps its quorum.
            "broker.session.timeout.ms": 5_000,
            "broker.heartbeat.interval.ms": 1_000,
            "controller.quorum.election.timeout.ms": 2_000,
            "controller.quorum.fetch.timeout.ms": 4_000,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "group.initial.rebalance.delay.ms": 0,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _java(self, main: str, *arguments: str, heap: str = "256m") -> list[str]:
        # The first compiler only: half the CPU of a start, and a test's broker never lives long enough to earn the second.
        flags = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return ["java", *flags, "-cp", f"{jars()}{os.sep}*", main, *arguments]


def _random_id() -> str:
    """A Kafka cluster id: 16 random bytes in URL-safe base64. Kafka takes none that begins like an option."""
    while (made := base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return made


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


async def _members(bootstrap: str) -> int:
    """How many brokers the one at `bootstrap` knows; 0 while it does not answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return 0
    finally:
        await admin.close()


def main() -> int:
    """Run until Ctrl-C or SIGTERM; print the bootstrap servers when ready."""
    parser = argparse.ArgumentParser(description="Apache Kafka on loopback, until Ctrl-C.")
    parser.add_argument("--brokers", type=int, default=1, help="how many; three survive the loss of one")
    parser.add_argument("--dir", type=Path, required=True, help="where data and logs go; kept, and used again")
    parser.add_argument("--port", type=int, help="first broker's port, the others follow (default: free ones)")
    parser.add_argument("--jars", action="store_true", help="only fetch the jars")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it reports every attempt before a broker is up
    ended = {signal.SIGINT, signal.SIGTERM}
    try:
        if options.jars:
            sys.stdout.write(f"{jars()}\n")
            return 0
        with Cluster(options.dir.resolve(), options.brokers, options.port) as cluster:
            signal.pthread_sigmask(signal.SIG_BLOCK, ended)
            sys.stdout.write(f"{cluster.bootstrap}\n")
            sys.stdout.flush()
            signal.sigwait(ended)
    except KeyboardInterrupt:
        return 130
    except (UnavailableError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
