"""The shape of a policy's text: what may stand where, checked before anything is made of it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Name, Slug
from schemas.commands import Level
from schemas.values import ChannelName, QueueId, SkillName, Tier
from services.router.adapters.calendars import CalendarForm
from services.router.domain.plan import AgentChoice, Ordering, OrderKind, Overflow
from services.router.domain.policy import Step

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")
_SKILL = re.compile(r"([a-z0-9][a-z0-9._-]{0,62})(?:\s*>=\s*(\d))?")
_LONGEST = timedelta(days=7)
_BY = {kind.value for kind in OrderKind}


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(seconds=min(value, 10**9))
    raise ValueError("write a duration as 90, 60s, 2m or 1h")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _skills(value: Any) -> Any:
    """`[lang.fa>=4, product]` is another way to write `{lang.fa: 4, product: 1}`."""
    if not isinstance(value, list):
        return value
    skills: dict[str, int] = {}
    for one in value:
        found = _SKILL.fullmatch(one.strip()) if isinstance(one, str) else None
        if found is None:
            raise ValueError(f"{str(one)[:40]!r} is no skill; write product, or product>=3")
        skills[found[1]] = int(found[2] or 1)
    return skills


def _condition(value: Any) -> Any:
    return {"cel": value} if isinstance(value, str) else value


def _ordering(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0), le=_LONGEST)]
Lasting = Annotated[Duration, Field(gt=timedelta(0))]
Values = Annotated[list[Annotated[str, Field(max_length=63)]], BeforeValidator(_listed), Field(min_length=1, max_length=100)]
Word = Annotated[str, Field(min_length=2, max_length=60)]


def known_tiers(place: str, by_tier: Mapping[str, object]) -> None:
    """Raises ValueError for a tier that is none."""
    unknown = sorted(set(by_tier) - set(Tier))
    if unknown:
        raise ValueError(f"{place}: {unknown[0]!r} is no tier; known are {', '.join(Tier)}")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WhenForm(_Form):
    """Facts and the values they may have, all of which must hold; `*`: is known at all. `cel` is an expression beside them."""

    channel: Values | None = None
    language: Values | None = None
    tier: Values | None = None
    queue: Values | None = None
    kind: Values | None = None
    inbox: Values | None = None
    keywords: Values | None = None
    cel: Annotated[str, Field(min_length=1)] | None = None

    def conditions(self) -> dict[str, frozenset[str] | None]:
        """Values by fact; None: any known value."""
        named = {name: getattr(self, name) for name in WhenForm.model_fields if name != "cel"}
        return {name: None if "*" in known else frozenset(known) for name, known in named.items() if known is not None}


class StepForm(_Form):
    """A requirement step: `all` is asked, `optional` is wished, `for` so long."""

    all: Annotated[dict[SkillName, Level], BeforeValidator(_skills), Field(max_length=20)] = {}
    optional: Annotated[list[SkillName], BeforeValidator(_listed), Field(max_length=10)] = []
    lasts: Lasting | None = Field(default=None, alias="for")
    language: Annotated[int, Field(ge=0, le=5)] = 1
    wishes: bool = True

    def step(self) -> Step:
        """The machine's step."""
        wished = tuple(sorted(set(self.optional)))
        return Step(tuple(sorted(self.all.items())), self.lasts, self.language, self.wishes, wished)


class OverflowForm(_Form):
    """Agents of `team` may take the work too, after a while or when nobody else is there."""

    team: QueueId
    after: Duration | None = None
    when_nobody: bool = False

    @model_validator(mode="after")
    def _ever(self) -> "OverflowForm":
        if self.after is None and not self.when_nobody:
            raise ValueError("write `after`, or `when_nobody: true`: else it never happens")
        return self

    def overflow(self) -> Overflow:
        """The machine's overflow."""
        return Overflow(self.team, self.after, self.when_nobody)


class KnownAgentForm(_Form):
    """The agent whom the contact knows is waited for `wait` long, if the last work was within `within`."""

    wait: Duration
    within: Lasting = timedelta(hours=24)


def _known(value: Any) -> Any:
    return value if isinstance(value, dict) else {"wait": value}


class _Promises(_Form):
    sla: Lasting | None = None
    known_agent: Annotated[KnownAgentForm, BeforeValidator(_known)] | None = None
    overflow: Annotated[list[OverflowForm], BeforeValidator(_listed), Field(max_length=5)] | None = None


class OrderForm(_Form):
    """How a queue is ordered; `rescue: 0` leaves strict priority without one."""

    by: str = "head-start"
    slopes: dict[str, Annotated[int, Field(ge=1, le=1_000)]] = {}
    ranks: dict[str, Annotated[int, Field(ge=0, le=100)]] | None = None
    rescue: Duration = timedelta(minutes=10)

    @model_validator(mode="after")
    def _sound(self) -> "OrderForm":
        if self.by not in _BY:
            raise ValueError(f"{self.by!r} is no order; known are {', '.join(sorted(_BY))}")
        known_tiers("slopes", self.slopes)
        known_tiers("ranks", self.ranks or {})
        return self

    def ordering(self, sla: timedelta | None) -> Ordering:
        """The machine's ordering."""
        plain = Ordering()
        return Ordering(
            kind=OrderKind(self.by),
            sla=sla or plain.sla,
            slopes=tuple(sorted(self.slopes.items())),
            ranks=plain.ranks if self.ranks is None else tuple(sorted(self.ranks.items())),
            rescue=self.rescue or None,
        )


class QueueForm(_Promises):
    """What is said of a queue. `wrap_up` is by channel."""

    order: Annotated[OrderForm, BeforeValidator(_ordering)] = OrderForm()
    choice: str = AgentChoice.LONGEST_IDLE.value
    calendar: Slug | None = None
    wrap_up: dict[ChannelName, Duration] = {}
    dispositions: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=200)] = []
    disposition_required: bool = False
    callback: bool = False

    @model_validator(mode="after")
    def _sound(self) -> "QueueForm":
        known = [choice.value for choice in AgentChoice]
        if self.choice not in known:
            raise ValueError(f"{self.choice!r} is no choice of agent; known are {', '.join(known)}")
        if self.disposition_required and not self.dispositions:
            raise ValueError("disposition_required needs `dispositions` to choose from")
        return self

    def agent_choice(self) -> AgentChoice:
        """How an agent is chosen."""
        return AgentChoice(self.choice)


class _Placing(_Promises):
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    boost: Duration = timedelta()
    steps: Annotated[list[StepForm], Field(min_length=1, max_length=20)] = [StepForm()]

    @model_validator(mode="after")
    def _ends(self) -> "_Placing":
        if self.steps[-1].lasts is not None:
            message = "the last step must have no `for`: say what holds when all others have passed"
            raise PydanticCustomError("steps-without-end", message, {"wording": "last-step-ends"})
        if any(step.lasts is None for step in self.steps[:-1]):
            message = "every step but the last needs `for`"
            raise PydanticCustomError("steps-without-end", message, {"wording": "step-without-for"})
        return self


class RuleForm(_Placing):
    """A rule; without `queue` the work goes to the queue that was wished for, else to the default's."""

    name: Name
    when: Annotated[WhenForm, BeforeValidator(_condition)]
    queue: QueueId | None = None


class DefaultForm(_Placing):
    """What takes whatever no rule takes."""

    name: Literal["default"] = "default"
    queue: QueueId


class PolicyForm(_Form):
    """The whole text."""

    head_start: dict[str, Duration] = {}
    priority_worth: Lasting = timedelta(seconds=60)
    keywords: Annotated[dict[Slug, Annotated[list[Word], Field(min_length=1, max_length=200)]], Field(max_length=50)] = {}
    calendars: Annotated[dict[Slug, CalendarForm], Field(max_length=50)] = {}
    queues: Annotated[dict[QueueId, QueueForm], Field(max_length=500)] = {}
    rules: Annotated[list[RuleForm], Field(max_length=500)] = []
    default: DefaultForm

    @model_validator(mode="after")
    def _sound(self) -> "PolicyForm":
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have the same name; a reason must name one")
        known_tiers("head_start", self.head_start)
        for queue_id, queue in self.queues.items():
            if queue.calendar is not None and queue.calendar not in self.calendars:
                known = ", ".join(self.calendars) or "none"
                message = f"queues.{queue_id}.calendar: there is no calendar {queue.calendar!r}; known are {known}"
                raise PydanticCustomError(
                    "unknown-calendar",
                    "{told}",
                    {"told": message, "wording": "unknown-calendar", "calendar": queue.calendar, "known": known},
                )
        return self
