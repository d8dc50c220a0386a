"""Conditions in CEL, compiled once per policy version and bounded in what they may cost.

An expression sees: channel, kind, inbox, queue, language (text, "" when unknown), contact.tier, contact.language, text.length,
text.has_link, text.keywords, text.attachments, requirements (skill → level), and hours("calendar").
Loops over lists (macros), regular expressions and conversions are left out, so that its cost is bounded by its length.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from services.router.domain.policy import Condition, ConditionFailed, Facts, Openings

if TYPE_CHECKING:
    import cel

MAX_LENGTH = 1_000
FUNCTIONS = frozenset({"hours", "size", "startsWith", "endsWith", "contains"})
_LEFT_OUT = frozenset(
    {"map", "filter", "all", "exists", "exists_one", "existsOne", "has", "transformList", "transformMap", "cel"}
)
_PREFIXES = frozenset({"r", "R", "b", "B", "rb", "br", "Rb", "bR", "rB", "Br", "RB", "BR"})
TOKEN = re.compile(r"""\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|\d[\w.]*|&&|\|\||==|!=|<=|>=|\S)""")


class ConditionError(ValueError):
    """The text is no condition that may stand in a policy; `code` is stable, `hint` says what would be right.

    `wording` and `about` as in lint.Finding.
    """

    def __init__(self, code: str, message: str, hint: str, wording: str = "", **about: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.wording = wording
        self.about = about


def fact_values(facts: Facts) -> dict[str, Any]:
    """The variables of an expression."""
    language = facts.language or ""
    return {
        "channel": facts.channel,
        "kind": facts.kind,
        "inbox": facts.inbox or "",
        "queue": facts.queue or "",
        "language": language,
        "contact": {"tier": facts.tier, "language": language},
        "text": {
            "length": facts.length,
            "has_link": facts.has_link,
            "keywords": list(facts.keywords),
            "attachments": facts.attachments,
        },
        "requirements": dict(facts.requirements),
    }


VARIABLES = frozenset(fact_values(Facts("email")))
_FIELDS = {"contact": {"tier", "language"}, "text": {"length", "has_link", "keywords", "attachments"}}
_PLAIN = VARIABLES - set(_FIELDS)
_MEMORY = 10_000
_PANIC = "PanicException"
"""What the compiled library raises when it fails itself: no Exception, and not to be imported."""


def tokens_of(text: str) -> list[str]:
    """The expression in parts. Raises ConditionError for what would be read in two ways, or is too long."""
    if len(text) > MAX_LENGTH:
        message, code = f"the expression is over {MAX_LENGTH} characters", "cel-too-long"
        raise ConditionError(code, message, "split it into several rules", code, most=str(MAX_LENGTH))
    tokens = [found[1] for found in TOKEN.finditer(text)]
    for before, token in zip(["", *tokens], tokens, strict=False):
        quoted = token[0] in "\"'"
        if token in ('"', "'", "`", "\\") or (quoted and (before in _PREFIXES or before[:1] in ("'", '"'))):
            raise ConditionError(
                "cel-syntax", "texts are written in one pair of plain quotes", 'for example channel == "email"', "cel-quotes"
            )
    if "//" in "".join(token if token[0] not in "\"'" else "''" for token in tokens):
        raise ConditionError(
            "cel-syntax", "the expression holds a // comment", "write comments in YAML, after #", "cel-comment"
        )
    return tokens


def facts_asked(text: str) -> frozenset[str]:
    """The fields of Facts that an expression looks at."""
    tokens = tokens_of(text)
    asked = {token for token in tokens if token in _PLAIN}
    for place, token in enumerate(tokens):
        fields = _FIELDS.get(token)
        if fields is not None:
            after = tokens[place + 1 : place + 3]
            asked |= {after[1]} if after[:1] == ["."] and after[1] in fields else fields
    return frozenset(asked)


def compile_condition(text: str, calendars: Collection[str]) -> Condition:
    """An expression made ready. Raises ConditionError when it is none, or asks for what there is not."""
    tokens = tokens_of(text)
    asked = _asked(tokens, calendars)
    _known_functions(tokens)
    program = _program(text)
    unknown = sorted(set(program.variables()) - VARIABLES)
    if unknown:
        known, name = ", ".join(sorted(VARIABLES)), unknown[0]
        raise ConditionError(
            "cel-unknown-name", f"there is no {name}", f"known are {known}", "cel-no-variable", name=name, known=known
        )
    functions = sorted(name for name in program.functions() if name[0].isalpha() and name not in FUNCTIONS)
    if functions:
        raise _no_function(functions[0])
    return Condition(text, asked, _runner(program, asked))


def run(text: str, facts: Facts, openings: Openings) -> Any:
    """The value of an expression that need not be a condition. Raises ConditionFailed. For checking, not for routing."""
    return _value(_program(text), _context(openings), facts)


def _program(text: str) -> "cel.Program":
    import cel  # noqa: PLC0415 - a compiled library that only a policy with expressions needs

    try:
        return cel.compile(text)
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        raise ConditionError(
            "cel-syntax", _syntax(str(error)), 'for example: contact.tier == "gold" && hours("office")'
        ) from error


def _syntax(message: str) -> str:
    found = re.search(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.{1,120})", message)
    return f"the expression breaks off at character {found[2]}: {found[3]}" if found else "the expression cannot be read"


def _context(openings: Openings) -> "cel.Context":
    import cel  # noqa: PLC0415 - see above

    return cel.Context(functions={"hours": lambda name: openings[name]})


def _runner(program: "cel.Program", asked: tuple[str, ...]) -> Callable[[Facts, Openings], bool]:
    """Remembers answers by what the expression looks at."""
    contexts: dict[tuple[bool | None, ...], cel.Context] = {}
    answers: dict[tuple[object, ...], bool | str] = {}
    fields = sorted(facts_asked(program.source))

    def holds(facts: Facts, openings: Openings) -> bool:
        opened = tuple(openings.get(name) for name in asked)
        if None in opened:
            raise ConditionFailed("the hours are not known")
        key = (opened, *(getattr(facts, field) for field in fields))
        answer = answers.get(key)
        if answer is None:
            if len(answers) >= _MEMORY:
                answers.clear()
            context = contexts.get(opened)
            if context is None:
                context = contexts[opened] = _context({name: openings[name] for name in asked})
            answer = answers[key] = _answer(program, context, facts)
        if isinstance(answer, str):
            raise ConditionFailed(answer)
        return answer

    return holds


def _answer(program: "cel.Program", context: "cel.Context", facts: Facts) -> bool | str:
    """True or false, or why there is no answer."""
    try:
        found = _value(program, context, facts)
    except ConditionFailed as error:
        return str(error)
    return found if isinstance(found, bool) else f"the condition gives {_kind(found)}, not true or false"


def _value(program: "cel.Program", context: "cel.Context", facts: Facts) -> Any:
    try:
        context.update(fact_values(facts))
        return program.execute(context)
    except KeyError as error:
        raise ConditionFailed(f"there is no field or key {error}") from error
    except Exception as error:
        raise ConditionFailed(_short(str(error))) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise ConditionFailed("the expression could not be evaluated") from error


def _short(message: str) -> str:
    return message.split(". ", maxsplit=1)[0][:160]


def _kind(value: object) -> str:
    names: Mapping[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "something else")


def _asked(tokens: list[str], calendars: Collection[str]) -> tuple[str, ...]:
    names = set()
    for place in (place for place, name in enumerate(tokens) if name == "hours"):
        call = tokens[place + 1 : place + 4]
        if len(call) < 3 or call[0] != "(" or call[1][0] not in "\"'" or call[2] != ")":
            raise ConditionError(
                "cel-syntax", "hours takes the name of one calendar", 'for example hours("office")', "cel-hours"
            )
        name = call[1][1:-1]
        if name not in calendars:
            known, code = ", ".join(sorted(calendars)), "unknown-calendar"
            hint = f"known are {known or 'none; write one under `calendars`'}"
            raise ConditionError(code, f"there is no calendar {name!r}", hint, code, calendar=name, known=known or "–")
        names.add(name)
    return tuple(sorted(names))


def _known_functions(tokens: list[str]) -> None:
    for name, following in zip(tokens, [*tokens[1:], ""], strict=False):
        if name in _LEFT_OUT and following == "(":
            raise _no_function(name)


def _no_function(name: str) -> ConditionError:
    known = ", ".join(sorted(FUNCTIONS))
    message, hint = f"there is no function {name} here", f"known are {known}"
    return ConditionError("cel-unknown-name", message, hint, "cel-no-function", name=name, known=known)
