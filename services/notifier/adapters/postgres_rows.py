"""The form of a delivery in Postgres."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from runtime.database import Row
from schemas.values import DeliveryState
from services.notifier.domain.delivery import Delivery

COLUMNS = tuple(one.name for one in fields(Delivery))
SELECTED = ", ".join(f"deliveries.{name}" for name in COLUMNS)
_ARRAYS = {
    "delivery_id": "uuid[]",
    "reply_id": "uuid[]",
    "conversation_id": "uuid[]",
    "contact_id": "uuid[]",
    "place": "bigint[]",
    "ordinal": "int[]",
    "attempt": "int[]",
    "created_at": "timestamptz[]",
    "expires_at": "timestamptz[]",
    "lease_until": "timestamptz[]",
    "next_at": "timestamptz[]",
}
UNNESTED = ", ".join(f"CAST(:{name} AS {_ARRAYS.get(name, 'text[]')})" for name in COLUMNS)


def read(row: Row) -> Delivery:
    """A row that has SELECTED columns (and perhaps others)."""
    values = {name: row[name] for name in COLUMNS}
    return Delivery(**values | {"state": DeliveryState(row.state)})


def arrays(deliveries: Sequence[Delivery]) -> dict[str, list[Any]]:
    """The parameters of UNNESTED."""
    columns: dict[str, list[Any]] = {name: [getattr(one, name) for one in deliveries] for name in COLUMNS}
    return columns | {"state": [one.state.value for one in deliveries]}
