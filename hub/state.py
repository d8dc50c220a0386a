"""What the hub leaves in its data folder for other processes: a lock, and hub.json."""

import errno
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.errors import Conflict, NotFound

DEFAULT_FOLDER = Path(".payvand")


@dataclass(slots=True)
class PartState:
    """One part as `payvand status` shows it. `state`: waiting, starting, ready, restarting, stopped."""

    name: str
    state: str = "waiting"
    pid: int | None = None
    port: int | None = None
    restarts: int = 0


@dataclass(slots=True)
class HubState:
    """The running hub. `env` is what a process needs to reach its parts; it holds no password."""

    pid: int
    url: str
    port: int
    smtp_port: int
    started_at: str
    state: str = "starting"
    nursery_pid: int | None = None
    parts: list[PartState] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replace hub.json in one step."""
        target = folder / "hub.json"
        making = target.with_suffix(".new")
        making.write_text(json.dumps(asdict(self), indent=1))
        making.chmod(0o600)
        making.replace(target)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The last state written. Raises NotFound when no hub ever ran on the folder."""
        try:
            raw: dict[str, Any] = json.loads((folder / "hub.json").read_text())
            parts = [PartState(**part) for part in raw.pop("parts")]
            return cls(parts=parts, **raw)
        except FileNotFoundError as error:
            raise NotFound(
                f"no hub has run on {folder}", hint="start one with `payvand up`, or name its folder with --data"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise NotFound(f"{folder / 'hub.json'} is damaged", hint="stop the hub and start it again") from error


class Lock:
    """One hub per data folder, as long as the process lives. Raises Conflict when another one holds it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._handle: int | None = None

    def __enter__(self) -> Self:
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            self._handle = None
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            raise Conflict(
                f"a hub is already running on {self._path.parent}",
                hint="stop it, or start this one with another --data and --port",
            ) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def running(folder: Path) -> bool:
    """Whether a hub holds the folder now."""
    if not (folder / "lock").exists():
        return False
    try:
        with Lock(folder):
            return False
    except Conflict:
        return True


def secret_key(folder: Path) -> str:
    """The key kept in the folder, made at the first start: 43 characters, 256 bits."""
    path = folder / "secret.key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        key = secrets.token_urlsafe(32)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key)
        return key
