"""Writes what others build against, and refuses to break it: `python -m schemas.publish [--check]`.

Under schemas/published:

- `<type>.json`         what a writer must hold to: no field but these
- `read/<type>.json`    what a reader may rely on: later minor versions may add fields
- `asyncapi.json`       the whole log, see schemas/asyncapi.py
- `history/<type>/<n>.json`   every contract a type ever had, without the prose; never edited, never removed

A changed contract gets the next number in its history, if it can read everything written under all earlier ones.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from schemas import asyncapi, topics
from schemas.base import EventData
from schemas.compatibility import breaks, contract

PUBLISHED = Path(__file__).parent / "published"
VERSION = "0.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Types = Mapping[str, type[EventData]]


class Broken(Exception):
    """A contract that others hold would break, or what is published is out of date; one sentence for each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def write_schema(data: type[EventData]) -> dict[str, Any]:
    """The strict schema of one event type; `$id` is what `ce_dataschema` names."""
    schema = data.model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": f"payvand:schemas/{data.type}", **schema}


def files(types: Types) -> dict[Path, str]:
    """What stands under `published`, history aside, by relative path."""
    found = {Path(f"{name}.json"): _text(write_schema(data)) for name, data in types.items()}
    found |= {Path("read", f"{name}.json"): _text(asyncapi.tolerant(write_schema(data))) for name, data in types.items()}
    return found | {Path("asyncapi.json"): _asyncapi()}


def history(root: Path, name: str) -> dict[int, dict[str, Any]]:
    """All past contracts of a type, by number."""
    return {int(file.stem): json.loads(file.read_text()) for file in sorted((root / "history" / name).glob("*.json"))}


def broken_promises(root: Path, types: Types) -> list[str]:
    """One sentence for each way in which an event of the past could not be read any more."""
    past_types = {folder.name for folder in (root / "history").glob("*") if folder.is_dir()}
    sentences = [
        f"{name} is gone, but events of it may still be in the log: keep its class until they have expired."
        for name in sorted(past_types - types.keys())
    ]
    for name, data in types.items():
        new = contract(write_schema(data))
        for number, old in history(root, name).items():
            sentences += [f"{name}, against its version {number}: {each}. {_advice(name)}" for each in breaks(old, new)]
    return sentences


def publish(root: Path = PUBLISHED, types: Types = topics.PAYLOADS) -> list[Path]:
    """Write everything that has changed; returns it. Raises Broken, having written nothing."""
    if sentences := broken_promises(root, types):
        raise Broken(sentences)
    wanted = files(types) | dict(_next_versions(root, types))
    changed = [path for path, text in wanted.items() if not (root / path).exists() or (root / path).read_text() != text]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path])
    for path in _strays(root, wanted):
        (root / path).unlink()
    return changed


def check(root: Path = PUBLISHED, types: Types = topics.PAYLOADS) -> None:
    """Raises Broken unless every past event can be read and what is published is what the code says. Writes nothing."""
    sentences = broken_promises(root, types)
    wanted = files(types) | dict(_next_versions(root, types))
    stale = [path for path, text in wanted.items() if not (root / path).exists() or (root / path).read_text() != text]
    stale += _strays(root, wanted)
    if stale and not sentences:
        names = ", ".join(sorted(map(str, stale)))
        sentences = [f"out of date under schemas/published: {names}. Run `python -m schemas.publish` and commit the result."]
    if sentences:
        raise Broken(sentences)


def _next_versions(root: Path, types: Types) -> list[tuple[Path, str]]:
    added = []
    for name, data in types.items():
        past, new = history(root, name), contract(write_schema(data))
        if not past or past[max(past)] != new:
            added.append((Path("history", name, f"{max(past, default=0) + 1}.json"), _text(new)))
    return added


def _strays(root: Path, wanted: Mapping[Path, str]) -> list[Path]:
    there = [*root.glob("*.json"), *root.glob("read/*.json")]
    return [file.relative_to(root) for file in there if file.relative_to(root) not in wanted]


@cache
def _asyncapi() -> str:
    return _text(asyncapi.document(VERSION))


def _advice(name: str) -> str:
    stem, _, version = name.rpartition(".v")
    following = f"{stem}.v{int(version) + 1}" if version.isdigit() else f"{name}.v2"
    return f"Undo it, or make it a new event type ({following}) beside this one."


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """The command; exit code 1 when something is broken or out of date."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description="Publish the schemas of all events.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is broken or out of date")
    try:
        if parser.parse_args().check:
            check()
        else:
            sys.stdout.writelines(f"{path}\n" for path in publish())
    except Broken as broken:
        sys.stderr.writelines(f"{sentence}\n" for sentence in broken.sentences)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
