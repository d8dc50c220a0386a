"""YAML with the line of every place in it, so that a fault can be shown where it stands."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Places = Mapping[tuple[str, ...], int]
"""Lines, from 1, by path."""


class Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As SafeLoader, but an alias is refused."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken; write it out")
        return super().compose_node(parent, index)


def load(text: str) -> tuple[Any, dict[tuple[str, ...], int], list[tuple[str, ...]]]:
    """The value of a text, the lines of its places, and the places that are written twice.

    Raises yaml.YAMLError, ValueError or RecursionError, whatever the text.
    """
    loader = Loader(text)
    try:
        root = loader.get_single_node()
        lines: dict[tuple[str, ...], int] = {}
        twice: list[tuple[str, ...]] = []
        if root is None:
            return None, lines, twice
        _walk(root, (), lines, twice)
        return loader.construct_document(root), lines, twice
    finally:
        loader.dispose()


def line_of(places: Places, path: Sequence[object]) -> int | None:
    """The line of a place, or of the nearest one around it."""
    parts = tuple(str(part) for part in path)
    return next((places[parts[:end]] for end in range(len(parts), -1, -1) if parts[:end] in places), None)


def _walk(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int], twice: list[tuple[str, ...]]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*path, str(key.value))
            if name in lines:
                twice.append(name)
            lines[name] = key.start_mark.line + 1
            _walk(value, name, lines, twice)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            _walk(value, (*path, str(place)), lines, twice)
