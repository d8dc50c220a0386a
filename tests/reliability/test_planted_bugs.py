"""The checker is checked on real work: a stage with a planted bug leaves a record that the checker finds fault with."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from runtime.keys import new_id
from runtime.service import Kit
from runtime.stage import Batch, LogRecord, Processor, Stage
from runtime.transactions import Transactions
from runtime.unit import Unit
from schemas.envelope import Event
from schemas.topics import INTERACTIONS_RECEIVED
from tests.component.test_stage import FakeRecord
from tests.conftest import MakeKit
from tests.reliability.checker import Record, judge


class NoDedupe(Processor):
    """Applies whatever the log brings."""

    async def _bookkeeping(self, unit: Unit, batch: Batch) -> list[Event[Any]]:
        return [event for event, _ in batch.events]


class DedupeByOffset(Processor):
    """Believes that what stands before the furthest offset it knows was done."""

    furthest = -1

    async def process(self, records: Sequence[LogRecord]) -> None:
        """Skip by offset instead of by event."""
        new = [record for record in records if record.offset > self.furthest]
        self.furthest = max([self.furthest, *(record.offset for record in new)])
        await super().process(new)


async def handle(unit: Unit, events: Sequence[Event[Any]]) -> None:
    """The effect: one row for each event handled."""
    await unit.run("INSERT INTO handled (id) SELECT * FROM unnest(CAST(:ids AS uuid[]))", ids=[event.id for event in events])


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    kit = make_kit("profile")
    async with kit.transaction() as unit:
        await unit.run("CREATE TABLE handled (id uuid, place serial)")
    return kit


def stage_of(kind: type[Processor], kit: Kit) -> Processor:
    transactions = Transactions("profile", kit.database, kit.clock, None)
    return kind(Stage("identify", (INTERACTIONS_RECEIVED,), handle), transactions, "test-epoch")


async def faults(kit: Kit, accepted: Sequence[UUID]) -> dict[str, int]:
    """The checker's findings on the effect; all that is not the stage's is given as it should be."""
    async with kit.reading() as unit:
        handled = [row.id for row in await unit.rows("SELECT id FROM handled ORDER BY place")]
    one_each = Counter(accepted)
    times = Counter(handled)
    record = Record(
        {id: id for id in accepted}, one_each, times, list(enumerate(handled)), times, one_each, one_each, 0, 0, 0, 0
    )
    return judge({"customer": accepted}, record).faults


@pytest.mark.parametrize(
    ("kind", "found"), [(Processor, {}), (NoDedupe, {"doubled": 3})], ids=["as it is", "no dedupe inside a batch"]
)
async def test_an_event_twice_in_one_batch(kit: Kit, kind: type[Processor], found: dict[str, int]) -> None:
    ids = [new_id() for _ in range(3)]
    batch = [FakeRecord(offset, id=str(id)) for offset, id in enumerate([*ids, ids[-1]])]
    await stage_of(kind, kit).process(batch)
    assert await faults(kit, ids) == found


@pytest.mark.parametrize(
    ("kind", "found"),
    [(Processor, {}), (DedupeByOffset, {"lost_by_profile": 2, "lost_by_router": 2, "lost_by_desk": 2})],
    ids=["as it is", "dedupe by offset"],
)
async def test_the_log_is_made_anew_before_all_was_applied(kit: Kit, kind: type[Processor], found: dict[str, int]) -> None:
    ids = [new_id() for _ in range(6)]
    stage = stage_of(kind, kit)
    await stage.process([FakeRecord(offset, id=str(id)) for offset, id in enumerate(ids[:4])])
    await stage.process([FakeRecord(offset, id=str(id)) for offset, id in enumerate(ids[4:])])
    assert await faults(kit, ids) == found
