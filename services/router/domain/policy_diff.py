"""What has changed between two policies, said rule by rule."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

_BLOCKS = {"calendars": "calendar", "queues": "queue", "keywords": "word list"}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Sentences, in the order of the text; none when the two say the same. The two are forms as plain data."""
    return [
        *_fields("", _without(old, "rules", "default", *_BLOCKS), _without(new, "rules", "default", *_BLOCKS)),
        *(line for block, word in _BLOCKS.items() for line in _named(word, old.get(block, {}), new.get(block, {}))),
        *_rules(old.get("rules", []), new.get("rules", [])),
        *_fields("default: ", old.get("default", {}), new.get("default", {})),
    ]


def _rules(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before = {rule["name"]: rule for rule in old}
    after = {rule["name"]: rule for rule in new}
    yield from _named("rule", {name: _without(rule, "name") for name, rule in before.items()},
                      {name: _without(rule, "name") for name, rule in after.items()})  # fmt: skip
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    for place, name in enumerate(kept_after):
        if kept_before[place] != name:
            was, now = list(before).index(name) + 1, list(after).index(name) + 1
            yield f"rule {name}: moved from place {was} to {now}"
            kept_before.remove(name)
            kept_before.insert(place, name)


def _named(word: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield f"{word} {name}: removed"
        elif name not in old:
            yield f"{word} {name}: added ({_text(new[name])})"
        elif isinstance(old[name], Mapping) and isinstance(new[name], Mapping):
            yield from _fields(f"{word} {name}: ", old[name], new[name])
        elif old[name] != new[name]:
            yield f"{word} {name}: {_text(old[name])} → {_text(new[name])}"


def _fields(start: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _fields(f"{start}{name}.", before, after)
        elif name == "steps" and before and after:
            yield from _steps(start, before, after)
        elif name not in new:
            yield f"{start}{name} removed (was {_text(before)})"
        elif name not in old:
            yield f"{start}{name} added: {_text(after)}"
        else:
            yield f"{start}{name} {_text(before)} → {_text(after)}"


def _steps(start: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    for place in range(max(len(old), len(new))):
        before = old[place] if place < len(old) else None
        after = new[place] if place < len(new) else None
        if before is None:
            yield f"{start}step {place + 1} added: {_text(after)}"
        elif after is None:
            yield f"{start}step {place + 1} removed (was {_text(before)})"
        elif before != after:
            yield f"{start}step {place + 1} {_text(before)} → {_text(after)}"


def _text(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    return str(value)


def _without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in names}
