"""What is wrong with an expression that can be read: tried out clause by clause, so that no clause hides behind another.

CEL compares values of two types as unequal without a word, and stops at the first clause that settles the answer: both are
looked for here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from services.router.adapters.cel_conditions import ConditionError, run, tokens_of
from services.router.domain.policy import Condition, ConditionFailed, Facts

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_LOGIC = ("||", "&&")
_COMPARED = ("==", "!=", "in")
_NUMBER = re.compile(r"\d{1,6}")


def literals(condition: Condition) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The texts and the whole numbers in an expression."""
    tokens = tokens_of(condition.text)
    texts = {token[1:-1] for token in tokens if token[0] in "\"'"} - set(condition.calendars)
    return tuple(sorted(texts)), tuple(sorted({int(token) for token in tokens if _NUMBER.fullmatch(token)}))


def faults(condition: Condition) -> Iterator[ConditionError]:
    """What will go wrong when the expression is evaluated."""
    texts, numbers = literals(condition)
    openings = dict.fromkeys(condition.calendars, True)
    full = Facts(
        channel="email",
        tier="gold",
        language="fa",
        queue="support",
        inbox="support",
        length=max(numbers, default=0) + 1,
        keywords=texts,
        attachments=1,
        requirements=tuple((text, 3) for text in texts),
    )
    broken = False
    for clause in _clauses(tokens_of(condition.text)):
        for fault in _clause_faults(clause, full, openings):
            broken = True
            yield fault
    if not broken:
        yield from _bare_faults(condition, full)


def _clause_faults(clause: "Clause", facts: Facts, openings: dict[str, bool]) -> Iterator[ConditionError]:
    try:
        value = run(clause.text, facts, openings)
    except ConditionFailed as error:
        name = "cel-unknown-name" if "no field or key" in str(error) else "cel-type"
        hint, about = (
            "compare values of one type; docs/routing.md lists the facts",
            {"clause": clause.text, "detail": str(error)},
        )
        yield ConditionError(name, f"`{clause.text}`: {error}", hint, "cel-clause-fails", **about)
        return
    except ConditionError:
        return
    if clause.logical and not isinstance(value, bool):
        message, wording = f"`{clause.text}` is neither true nor false", "cel-not-boolean"
        yield ConditionError("cel-type", message, "compare it with something", wording, clause=clause.text)
    yield from _mismatch(clause, facts, openings)


def _mismatch(clause: "Clause", facts: Facts, openings: dict[str, bool]) -> Iterator[ConditionError]:
    sides = _split(clause.tokens, _COMPARED)
    if len(sides) != 2:
        return
    try:
        left, right = (run(_text(side), facts, openings) for side in sides)
    except (ConditionFailed, ConditionError):
        return
    others = right if isinstance(right, list) else [right]
    if others and not isinstance(right, dict) and all(type(other) is not type(left) for other in others):
        message, wording = f"`{clause.text}` compares values of two types: it is never equal", "cel-two-types"
        yield ConditionError("cel-type", message, "compare like with like", wording, clause=clause.text)


def _bare_faults(condition: Condition, full: Facts) -> Iterator[ConditionError]:
    """Whether it also stands with facts of which little is known, and with each channel of the text alone."""
    for facts in (Facts("email"), Facts("email", length=10), full):
        try:
            condition.holds(facts, dict.fromkeys(condition.calendars, False))
        except ConditionFailed as error:
            hint = 'a rule whose condition fails does not match; ask first, as in "x" in requirements && requirements["x"] > 2'
            message, code = f"with some facts the expression fails: {error}", "cel-may-fail"
            yield ConditionError(code, message, hint, code, detail=str(error))
            return


class Clause:
    """A part of an expression. `logical`: it must be true or false."""

    def __init__(self, tokens: Sequence[str], *, logical: bool) -> None:
        self.tokens = tokens
        self.text = _text(tokens)
        self.logical = logical


def _clauses(tokens: Sequence[str], *, logical: bool = True) -> Iterator[Clause]:
    inner = _unwrapped(tokens)
    choice = _split(inner, ("?", ":"))
    if len(choice) == 3:
        yield from _clauses(choice[0])
        for part in choice[1:]:
            yield from _clauses(part, logical=logical)
        return
    for operator in _LOGIC:
        parts = _split(inner, (operator,))
        if len(parts) > 1:
            for part in parts:
                yield from _clauses(part)
            return
    yield Clause(inner, logical=logical)


def _unwrapped(tokens: Sequence[str]) -> Sequence[str]:
    while tokens and (tokens[0] == "!" or (tokens[0] == "(" and _closing(tokens) == len(tokens) - 1)):
        tokens = tokens[1:] if tokens[0] == "!" else tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[str]) -> int:
    return next((place for place, depth in enumerate(_depths(tokens)) if depth == 0), len(tokens))


def _depths(tokens: Iterable[str]) -> Iterator[int]:
    depth = 0
    for token in tokens:
        depth += (token in _OPEN) - (token in _CLOSE)
        yield depth


def _split(tokens: Sequence[str], operators: Sequence[str]) -> list[Sequence[str]]:
    depths = list(_depths(tokens))
    cuts = [place for place, token in enumerate(tokens) if token in operators and depths[place] == 0]
    return [tokens[start + 1 : end] for start, end in pairwise([-1, *cuts, len(tokens)])]


def _text(tokens: Sequence[str]) -> str:
    return " ".join(tokens).replace(" . ", ".").replace(" ( ", "(").replace(" )", ")")
