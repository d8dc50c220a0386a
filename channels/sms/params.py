"""The parameters of a provider's request: a form, a JSON body, the query. Proof and parser see the same."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_FIELDS = 400


class Params(Mapping[str, list[str]]):
    """Names and their values, in the order of the request. `getall` is what Twilio's validator asks for."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> list[str]:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getall(self, name: str) -> list[str]:
        """All values of one name."""
        return self._values[name]

    def first(self, name: str) -> str:
        """The first value, or nothing."""
        return next(iter(self._values.get(name, ())), "")


def of_form(body: bytes) -> Params:
    """A form; bytes that are no UTF-8 become U+FFFD. Raises ValueError for over 400 fields."""
    text = body.decode("utf-8", "replace")
    return Params(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"))


def of_query(url: str) -> Params:
    """The query of a URL. Raises ValueError for over 400 fields."""
    return Params(parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"))


def of_json(body: bytes) -> Any:
    """A JSON value. Raises ValueError, for too deep a nesting too."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def at(value: Any, path: str) -> str | None:
    """What stands at `a.0.b` in a JSON value, as text; None when there is nothing or no single value."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
