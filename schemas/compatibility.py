"""Whether a new schema still reads everything that was ever written under an older one.

Both are JSON Schemas as pydantic makes them. The question is asked keyword by keyword, and a keyword that is not known here
counts as a break: the check must never pass because it did not look. Not noticed: a field that keeps its form and changes
its meaning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

ANNOTATIONS = frozenset({"title", "description", "examples", "$id", "$schema", "$comment", "deprecated", "$defs"})
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
EXACT = ("pattern", "format", "uniqueItems", "multipleOf")
_OBJECT = frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames"})
_KNOWN = (
    ANNOTATIONS | _OBJECT | frozenset({"type", "enum", "const", "anyOf", "$ref", "default", "items", *UPPER, *LOWER, *EXACT})
)


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that older events may run into. `path` is the field, with [] for items and {} for values of a map."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path or 'the payload'}: {self.what}"


def contract(schema: Any) -> Any:
    """The schema without what only people read, so that a better sentence is not a new version."""
    if isinstance(schema, Mapping):
        return {name: _kept(name, value) for name, value in schema.items() if name not in ANNOTATIONS or name == "$defs"}
    return [contract(each) for each in schema] if isinstance(schema, list) else schema


def _kept(name: str, value: Any) -> Any:
    if name in ("properties", "$defs", "patternProperties"):
        return {field: contract(schema) for field, schema in value.items()}
    return value if name in ("default", "enum", "const", "required") else contract(value)


def breaks(old: Schema, new: Schema) -> list[Break]:
    """What keeps `new` from reading what was valid under `old`; empty when nothing does."""
    return list(_Comparison(old, new).schemas(old, new, ""))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_defs: Schema = old.get("$defs", {})
        self._new_defs: Schema = new.get("$defs", {})
        self._under_way: set[tuple[str, str]] = set()

    def schemas(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        """Every way of being valid under `old` must be a way of being valid under `new`."""
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in self._under_way:
            return
        recursive = "$ref" in old and "$ref" in new
        if recursive:
            self._under_way.add(pair)
        choices = _branches(new, self._new_defs)
        for branch in _branches(old, self._old_defs):
            tried = [list(self._branch(branch, choice, path)) for choice in choices]
            if all(tried):
                yield from min(tried, key=len)
        if recursive:
            self._under_way.discard(pair)

    def _branch(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        for keyword in sorted((old.keys() | new.keys()) - _KNOWN):
            yield Break(path, f"uses {keyword!r}, which this check cannot compare")
        yield from _types(old, new, path)
        yield from _values(old, new, path)
        yield from _limits(old, new, path)
        if "items" in new:
            yield from self.schemas(old.get("items", {}), new["items"], f"{path}[]")
        if _OBJECT & new.keys():
            yield from self._fields(old, new, path)
            yield from self._map(old, new, path)

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            here = f"{path}.{name}" if path else name
            if name not in after:
                yield Break(here, "was removed or renamed")
                continue
            yield from self.schemas(before[name], after[name], here)
            if "default" in before[name] and "default" in after[name] and before[name]["default"] != after[name]["default"]:
                yield Break(
                    here, "has another default, and fields at their default are not written, so old events would change"
                )
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            here = f"{path}.{name}" if path else name
            yield Break(here, "became required" if name in before else "is new and required")

    def _map(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        yield from _limits(old.get("propertyNames", {}), new.get("propertyNames", {}), f"{path}{{key}}")
        rest = new.get("additionalProperties", True)
        patterns = new.get("patternProperties", {})
        before = dict(old.get("patternProperties", {}))
        if isinstance(old.get("additionalProperties"), Mapping):
            before[""] = old["additionalProperties"]
        for pattern, value in before.items():
            target = patterns.get(pattern, rest)
            if target is False or (patterns and pattern not in patterns):
                yield Break(f"{path}{{key}}", f"keys of the form {pattern or 'any'!r} are no longer taken")
            elif isinstance(target, Mapping):
                yield from self.schemas(value, target, f"{path}{{}}")
        if patterns and not before and "properties" not in old:
            yield Break(f"{path}{{key}}", "keys are narrowed to a pattern")


def _branches(schema: Schema, defs: Schema) -> Sequence[Schema]:
    while "$ref" in schema:
        schema = defs[str(schema["$ref"]).rsplit("/", 1)[1]]
    if "anyOf" in schema:
        return [branch for choice in schema["anyOf"] for branch in _branches(choice, defs)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [schema]


def _types(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    before, after = old.get("type"), new.get("type")
    if after is None or before == after or (before, after) == ("integer", "number"):
        return
    if before is None and "const" in old:
        return
    yield Break(path, f"type narrowed from {before or 'anything'} to {after}")


def _values(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    after = _listed(new)
    if after is None:
        return
    before = _listed(old)
    if before is None:
        yield Break(path, "narrowed to a list of values")
        return
    gone = [value for value in before if value not in after]
    if gone:
        yield Break(path, f"no longer takes {', '.join(map(repr, gone))}")


def _listed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _limits(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    for keyword in (*UPPER, *LOWER):
        before, after = old.get(keyword), new.get(keyword)
        if after is None or before == after:
            continue
        if before is None or (after < before if keyword in UPPER else after > before):
            yield Break(path, f"{keyword} narrowed from {'no limit' if before is None else before} to {after}")
    for keyword in EXACT:
        if new.get(keyword) is not None and old.get(keyword) != new[keyword] and not _listed(old):
            yield Break(path, f"{keyword} changed from {old.get(keyword, 'none')!r} to {new[keyword]!r}")
