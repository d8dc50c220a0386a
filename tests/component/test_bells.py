"""Bells: one process hears from another how far the log reaches."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runtime.bells import Bell, Ear

PLACE = ("interactions.received", 0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's path, wherever pytest keeps its own."""
    with TemporaryDirectory(prefix="bells-") as path:
        yield Path(path)


@pytest.fixture
def bell(folder: Path) -> Iterator[Bell]:
    bell = Bell(folder)
    yield bell
    bell.close()


async def test_an_ear_hears_the_furthest_offset_of_each_partition(folder: Path, bell: Bell) -> None:
    ear = Ear(folder, "profile")
    ear.open()
    bell.ring([("interactions.received", 0, 4), ("interactions.received", 0, 7), ("interactions.received", 1, 2)])
    assert await ear.beyond({PLACE: 7}, 5)
    assert ear.heard == {("interactions.received", 0): 8, ("interactions.received", 1): 3}
    ear.close()


async def test_what_was_fetched_already_is_nothing_new(folder: Path, bell: Bell) -> None:
    ear = Ear(folder, "profile")
    ear.open()
    bell.ring([(*PLACE, 7)])
    assert not await ear.beyond({PLACE: 8}, 0.05)
    ear.close()


async def test_a_ring_wakes_all_who_wait_for_it_and_no_one_else(folder: Path, bell: Bell) -> None:
    ears = [Ear(folder, name) for name in ("profile", "desk")]
    for ear in ears:
        ear.open()
    waiting = [asyncio.ensure_future(ear.beyond({PLACE: 3}, 5)) for ear in ears]
    other = asyncio.ensure_future(ears[0].beyond({("routing.decisions", 0): 0}, 0.2))
    await asyncio.sleep(0)
    bell.ring([(*PLACE, 3)])
    assert await asyncio.gather(*waiting, other) == [True, True, False]
    for ear in ears:
        ear.close()


async def test_a_late_or_repeated_ring_takes_nothing_back(folder: Path, bell: Bell) -> None:
    ear = Ear(folder, "profile")
    ear.open()
    bell.ring([(*PLACE, 9)])
    bell.ring([(*PLACE, 2)])
    assert await ear.beyond({PLACE: 9}, 5)
    await asyncio.sleep(0.01)
    assert ear.heard[PLACE] == 10
    ear.close()


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"topic", b"topic 0 -5", b"topic x 5", b"a b 0 5", b"\n\n  \n"])
async def test_what_is_no_ring_is_not_heard(folder: Path, bell: Bell, said: bytes) -> None:
    ear = Ear(folder, "profile")
    ear.open()
    assert bell._sender is not None
    bell._sender.sendto(said, str(folder / "profile.bell"))
    bell.ring([(*PLACE, 0)])
    assert await ear.beyond({PLACE: 0}, 5)
    assert ear.heard == {PLACE: 1}
    ear.close()


async def test_a_new_process_hears_under_the_name_of_one_that_was_killed(folder: Path, bell: Bell) -> None:
    killed = Ear(folder, "profile")
    killed.open()
    left = folder / "profile.bell"
    left.rename(folder / "kept")
    killed.close()
    (folder / "kept").rename(left)
    again = Ear(folder, "profile")
    again.open()
    bell.ring([(*PLACE, 0)])
    assert await again.beyond({PLACE: 0}, 5)
    again.close()


async def test_without_a_usable_folder_nothing_is_heard_and_nothing_fails(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "absent", tmp_path / ("long" * 40)):
        ear = Ear(folder, "profile")
        ear.open()
        silent = Bell(folder)
        silent.ring([(*PLACE, 0)])
        assert ear.deaf
        ear.close()
        silent.close()
