"""Following a log: whatever rotation, truncation, partial writing and restarts do, every call comes out, whole and the same."""

import gzip
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from channels.calls.formats.queue_log import QueueLog
from channels.calls.joining import Joiner
from channels.calls.tail import Follower, Place, Spot

EPOCH = 1_793_620_800


class LogMachine(RuleBasedStateMachine):
    """A PBX, a logrotate and a reader that may be restarted at any time, on a real folder."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="payvand-tail-")
        self.path = Path(self.folder.name) / "queue_log"
        self.writing = self.path.open("ab", buffering=0)
        self.begun: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.unsent = b""
        self.got: dict[str, str] = {}
        self.remembered: Place | None = None
        self.clock = 0
        self.moment = EPOCH * 1_000_000_000
        self.stamp(self.path)
        self.start()
        self.read()

    def teardown(self) -> None:
        self.follower.close()
        self.writing.close()
        self.folder.cleanup()

    def start(self) -> None:
        self.follower = Follower(self.path, self.remembered, rotated=True)
        self.joiner: Joiner[Spot] = Joiner(QueueLog(), settle=1e9, limit=1e9)

    def write(self, line: str) -> None:
        self.writing.write(self.unsent + line.encode())
        self.unsent = b""
        self.stamp(self.writing.fileno())

    def stamp(self, file: int | Path) -> None:
        """A time of writing that does not hang on this machine: each a millisecond after the one before."""
        self.moment += 1_000_000
        os.utime(file, ns=(self.moment, self.moment))

    @rule(count=st.integers(1, 40))
    def call_comes(self, count: int) -> None:
        for _ in range(count):
            self.clock += 1
            call_id = f"{EPOCH + self.clock}.{self.clock}"
            self.begun[call_id] = f"{EPOCH + self.clock}|{call_id}|support|NONE|ENTERQUEUE||+9891{self.clock:08}|1"
            self.write(self.begun[call_id] + "\n")

    @precondition(lambda self: len(self.begun) > len(self.ended))
    @rule(data=st.data())
    def call_ends(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.begun.keys() - self.ended.keys())))
        self.clock += 1
        self.ended[call_id] = f"{EPOCH + self.clock}|{call_id}|support|NONE|ABANDON|1|1|{self.clock}"
        self.write(self.ended[call_id] + "\n")

    @rule(part=st.integers(1, 20))
    def half_a_line_is_written(self, part: int) -> None:
        self.clock += 1
        line = f"{EPOCH + self.clock}|NONE|NONE|NONE|CONFIGRELOAD|\n".encode()
        self.write("")
        self.writing.write(line[:part])
        self.stamp(self.writing.fileno())
        self.unsent = line[part:]

    @rule(times=st.integers(1, 3))
    def rotate_by_renaming(self, times: int) -> None:
        for _ in range(times):
            self.shift()
            self.path.rename(self.numbered(1))
            self.write("")
            self.writing.close()
            self.writing = self.path.open("ab", buffering=0)
            self.stamp(self.path)

    @rule()
    def rotate_before_the_writer_notices(self) -> None:
        """The writer goes on with the renamed file for a while, as until `logger reload`."""
        self.shift()
        self.path.rename(self.numbered(1))
        self.path.touch()
        self.stamp(self.path)
        self.call_comes(1)
        self.read()
        self.call_comes(1)
        self.writing.close()
        self.writing = self.path.open("ab", buffering=0)

    @rule(times=st.integers(1, 2))
    def rotate_by_copying_and_truncating(self, times: int) -> None:
        for _ in range(times):
            self.write("")
            self.shift()
            shutil.copy(self.path, self.numbered(1))
            self.stamp(self.numbered(1))
            os.truncate(self.path, 0)
            self.stamp(self.path)
            self.call_comes(1)

    @rule()
    def old_logs_are_compressed(self) -> None:
        """Only once they were read: what is compressed before is lost by nature."""
        self.read_to_the_end()
        held = {line.where.file.id for call in self.joiner.unfinished() for line in call.lines}
        for number in range(1, 30):
            path = self.numbered(number)
            if path.exists() and (path.stat().st_dev, path.stat().st_ino) not in held and not self.needed(path):
                with gzip.open(f"{path}.{self.clock}.gz", "wb") as packed:
                    packed.write(path.read_bytes())
                path.unlink()

    def needed(self, path: Path) -> bool:
        """Whether a restart would look for what is in here: a call that is not over has its line here."""
        text = path.read_text()
        return any(line in text for call, line in self.begun.items() if call not in self.got)

    @rule()
    def emptied_without_a_copy(self) -> None:
        """Nothing is kept of what was there, so it must have been read, with no call half told."""
        self.write("")
        for call_id in sorted(self.begun.keys() - self.ended.keys()):
            self.ended[call_id] = f"{EPOCH + self.clock}|{call_id}|support|NONE|ABANDON|1|1|{self.clock}"
            self.write(self.ended[call_id] + "\n")
        self.read_to_the_end()
        os.truncate(self.path, 0)
        self.stamp(self.path)

    @rule()
    def read(self) -> None:
        for line in self.follower.read():
            self.joiner.feed(line, 0.0)
        for call in self.joiner.take(0.0):
            told = b"\n".join(line.text for line in call.lines).decode()
            self.got.setdefault(call.call_id, told)
        assert self.joiner.take_bad() == []
        first = next(self.joiner.unfinished(), None)
        self.remembered = first.lines[0].where.place() if first else self.follower.place()

    @rule()
    def restart(self) -> None:
        self.follower.close()
        self.start()

    def shift(self) -> None:
        for number in range(28, 0, -1):
            if self.numbered(number).exists():
                self.numbered(number).rename(self.numbered(number + 1))

    def numbered(self, number: int) -> Path:
        return self.path.with_name(f"queue_log.{number}")

    def read_to_the_end(self) -> None:
        self.write("")
        for _ in range(100):
            before = (self.follower.place(), len(self.got))
            self.read()
            self.read()
            if (self.follower.place(), len(self.got)) == before:
                break

    @invariant()
    def nothing_is_made_up(self) -> None:
        """What came out is a call as it was written, from its first line to its last."""
        for call_id, told in self.got.items():
            assert told == f"{self.begun[call_id]}\n{self.ended[call_id]}"

    @rule()
    def in_the_end_every_call_is_there(self) -> None:
        self.read_to_the_end()
        assert self.got.keys() == self.ended.keys()


TestLogMachine = pytest.mark.timeout(300)(LogMachine.TestCase)
TestLogMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def lines(follower: Follower) -> Iterator[str]:
    while found := follower.read():
        yield from (line.text.decode() for line in found)


def test_a_line_is_given_when_its_end_is_there(log: Path) -> None:
    follower = Follower(log, None, rotated=True)
    assert list(lines(follower)) == []
    log.write_bytes(b"one\ntw")
    assert list(lines(follower)) == ["one"]
    with log.open("ab") as file:
        file.write(b"o\n")
    assert list(lines(follower)) == ["two"]


def test_start_at_the_end_leaves_out_what_is_there_but_not_half_a_line(log: Path) -> None:
    log.write_bytes(b"old\nnew li")
    follower = Follower(log, None, rotated=True, from_end=True)
    with log.open("ab") as file:
        file.write(b"ne\n")
    assert list(lines(follower)) == ["new line"]


def test_a_remembered_file_that_is_gone_is_told(log: Path) -> None:
    log.write_bytes(b"one\ntwo\n")
    follower = Follower(log, None, rotated=True)
    list(lines(follower))
    place = follower.place()
    log.unlink()
    log.write_bytes(b"other\n")
    again = Follower(log, place, rotated=True)
    assert again.lost
    assert list(lines(again)) == ["other"]


def test_a_log_emptied_written_to_and_renamed_between_two_looks_is_read(log: Path) -> None:
    log.write_bytes(b"one\ntwo\n")
    follower = Follower(log, None, rotated=True)
    assert list(lines(follower)) == ["one", "two"]
    seen = log.stat().st_mtime_ns
    log.write_bytes(b"six\n")
    os.utime(log, ns=(seen + 1_000_000, seen + 1_000_000))
    log.rename(log.with_name("queue_log.1"))
    log.write_bytes(b"seven\n")
    os.utime(log, ns=(seen + 2_000_000, seen + 2_000_000))
    assert [text for _ in range(5) for text in lines(follower)] == ["six", "seven"]


def test_titles_go_along_with_every_line_and_are_no_line_themselves(log: Path) -> None:
    log.write_bytes(b"a,b\r\n1,2\r\n3,4\r\n")
    follower = Follower(log, None, rotated=False, header=True)
    assert [(line.header, line.text) for line in follower.read()] == [(b"a,b", b"1,2"), (b"a,b", b"3,4")]


def test_a_line_without_an_end_does_not_take_all_memory(log: Path) -> None:
    log.write_bytes(b"x" * 3_000_000)
    follower = Follower(log, None, rotated=True)
    sizes = Counter(len(text) for text in lines(follower))
    assert max(sizes) <= 1_048_576
