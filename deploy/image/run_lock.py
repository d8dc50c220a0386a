"""Print the part of requirements.lock that the installed `payvand` needs to run: the image carries no test tools.

    python run_lock.py requirements.lock > run.lock      # in an environment where lock and wheel are installed

Hashes are the lock's own; a package that is needed but not locked is an error.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def locked(lock: str) -> dict[str, str]:
    """Each package's whole entry, by its canonical name."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return {canonicalize_name(re.split(r"[=\[ ]", entry, maxsplit=1)[0]): entry for entry in entries if "==" in entry}


def needed(name: str) -> set[str]:
    """The canonical names of everything `name` needs here and now, extras included, itself not."""
    seen: set[tuple[str, str]] = set()
    todo = [(name, "")]
    while todo:
        package, extra = todo.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        for each in map(Requirement, requires(package) or ()):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                child = canonicalize_name(each.name)
                todo += [(child, ""), *((child, wanted) for wanted in each.extras)]
    return {package for package, _ in seen} - {name}


def main(lock: Path) -> int:
    """Write the entries to standard output, in the lock's order."""
    entries = locked(lock.read_text())
    try:
        names = needed("payvand")
    except PackageNotFoundError as error:
        sys.stderr.write(f"{error} is needed but not installed; install the lock and the wheel first\n")
        return 1
    missing = sorted(names - entries.keys())
    if missing:
        sys.stderr.write(f"not in {lock}: {', '.join(missing)}; make the lock anew\n")
        return 1
    sys.stdout.writelines(entry for name, entry in entries.items() if name in names)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
