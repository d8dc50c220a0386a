"""The demo organisation: a small support centre that answers in Persian, Russian and English.

All demo logins share one password, so the demo is for a machine of one's own only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.desk.domain.people import Role

PASSWORD = "payvand-demo"  # noqa: S105 - public on purpose, printed at the start of the demo


@dataclass(frozen=True, slots=True)
class Person:
    """A user; with skills also an agent. `languages` are levels 1 to 5 by ISO 639 code."""

    login: str
    name: str
    role: Role = "agent"
    locale: str = "en"
    languages: Mapping[str, int] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)
    teams: tuple[str, ...] = ()
    capacity: int = 100


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who works here, in which queues, under which routing policy. `version` names the policy: it is immutable once used."""

    name: str
    people: tuple[Person, ...]
    queues: Mapping[str, str]
    version: str
    policy: str


POLICY = """\
# How much waiting a tier is ahead of the others.
head_start: {platinum: 10m, gold: 5m, silver: 2m}

# Lists of words; the name of a list is all that is kept of a text.
keywords:
  money-back: [refund, money back, chargeback, بازپرداخت, پس دادن پول, возврат, вернуть деньги]

calendars:
  around-the-clock: {zone: Asia/Tehran, hours: {mon-sun: 00:00-24:00}}
  tehran:
    zone: Asia/Tehran
    hours: {sat-wed: [08:00-12:00, 13:00-17:00], thu: 08:00-13:00}
    holidays: IR

queues:
  support: {sla: 2m, calendar: around-the-clock, known_agent: 30s}
  vip: {sla: 1m, known_agent: 1m, order: deadline}
  sales: {sla: 5m, order: {by: accumulating, slopes: {platinum: 4, gold: 3, silver: 2}}}

rules:
  # In CEL: money matters go to experienced speakers of the language while the office in Tehran is open.
  - name: money-back
    when: '"money-back" in text.keywords && hours("tehran")'
    queue: support
    priority: 1
    steps:
      - {language: 4, for: 60s}
      - {for: 2m}
      - {language: 0, wishes: false}
  - name: valued-customers
    when: {tier: [platinum, gold]}
    queue: vip
    priority: 2
    steps:
      - {language: 3, for: 60s}
      - {for: 2m}
      - {language: 0, wishes: false}
  - name: wished-queue
    when: {queue: "*"}
    steps:
      - {for: 2m}
      - {language: 0, wishes: false}
default:
  queue: support
  steps:
    - {language: 2, for: 60s}
    - {for: 60s}
    - {language: 0, wishes: false}
"""

ORGANISATION = Organisation(
    name="Payvand demo",
    people=(
        Person("sara", "سارا احمدی", locale="fa", languages={"fa": 5, "en": 4}),
        Person("reza", "رضا کریمی", locale="fa", languages={"fa": 5, "en": 1}),
        Person("olga", "Ольга Смирнова", locale="ru", languages={"ru": 5, "en": 4}),
        Person("ivan", "Иван Петров", locale="ru", languages={"ru": 5}),
        Person("emma", "Emma Clarke", locale="en", languages={"en": 5}),
        Person("admin", "Alex Morgan", role="administrator", locale="en", languages={"en": 5}, capacity=50),
    ),
    queues={"support": "Support", "sales": "Sales", "vip": "VIP"},
    version="demo-2",
    policy=POLICY,
)
