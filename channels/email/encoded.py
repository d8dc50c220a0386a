"""Long base64 bodies set aside while the standard library parses a mail, which keeps and looks at every line of them.

A run of base64 lines can be no header, no boundary and no end of anything, so one line in its place parses the same; when the
parts stand, the run is put back, byte for byte. A photograph so costs a twentieth.
"""

import hashlib
import re
from email.message import Message

_RUN = re.compile(rb"(?<=\n)(?:[A-Za-z0-9+/]{60,78}+\r?\n){16,}+")
_TOKEN = re.compile(r"(run[0-9a-f]{32})x([0-9]+)x")
_MARK = b"base64"
_WORTH = 4_000


class Runs:
    """The runs of one mail. `body` is what to parse; call `restore` on the root afterwards."""

    def __init__(self, body: bytes) -> None:
        self._runs: list[str] = []
        self._name = b""
        self.body = body
        if len(body) >= _WORTH and _MARK in body.lower():
            # No mail can hold the hash of itself.
            self._name = b"run" + hashlib.blake2b(body, digest_size=16).hexdigest().encode()
            self.body = _RUN.sub(self._aside, body)

    def restore(self, root: "Message[str, str]") -> None:
        """Put every run back where it stood."""
        if not self._runs:
            return
        for part in root.walk():
            # Not get_payload: it gives 8-bit text decoded, and what is put back must be as it came.
            held = vars(part)
            if isinstance(held.get("_payload"), str):
                held["_payload"] = self._back(held["_payload"])
            part.preamble = self._back(part.preamble) if part.preamble else part.preamble
            part.epilogue = self._back(part.epilogue) if part.epilogue else part.epilogue

    def _aside(self, found: re.Match[bytes]) -> bytes:
        run = found[0]
        bare = run.rstrip(b"\r\n")
        self._runs.append(bare.decode("ascii"))
        return b"%sx%dx%s" % (self._name, len(self._runs) - 1, run[len(bare) :])

    def _back(self, text: str) -> str:
        return _TOKEN.sub(self._run, text) if self._name.decode() in text else text

    def _run(self, found: re.Match[str]) -> str:
        return self._runs[int(found[2])] if found[1] == self._name.decode() else found[0]
