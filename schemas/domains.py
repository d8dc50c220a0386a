"""Routing domains: agents, queues and the work they share, with one log each. Most deployments have one, `main`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

MAIN = "main"
"""Where everything belongs that no other domain claims."""
PATTERN = r"^[a-z][a-z0-9-]{0,30}$"


@dataclass(frozen=True, slots=True)
class Domains:
    """Which inboxes and teams are another domain's than `main`. Made by `domains_of`."""

    names: tuple[str, ...] = (MAIN,)
    inboxes: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether there is more than `main`."""
        return len(self.names) > 1

    def of_inbox(self, inbox: str) -> str:
        """The domain that work from an inbox goes to."""
        return self.inboxes.get(inbox, MAIN)

    def of_teams(self, teams: Iterable[str]) -> str:
        """The domain of an agent in these teams, or of a queue of one. Raises ValueError when they lie in two domains."""
        found = {self.teams.get(team, MAIN): team for team in sorted(teams)}
        if len(found) > 1:
            told = " and ".join(f"{team!r} is of {domain!r}" for domain, team in sorted(found.items()))
            raise ValueError(f"the teams lie in several routing domains: {told}")
        return next(iter(found), MAIN)

    def standing(self, name: str) -> str:
        """The domain of this name, or `main` when there is none any more."""
        return name if name in self.names else MAIN


def domains_of(claims: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> Domains:
    """The domains, of (inboxes, teams) by name. Raises ValueError, naming both sides, when two claim the same."""
    inboxes: dict[str, str] = {}
    teams: dict[str, str] = {}
    for name, (claimed_inboxes, claimed_teams) in claims.items():
        if name == MAIN:
            raise ValueError(f"a routing domain may not be called {MAIN!r}: that one takes what no other claims")
        if not re.fullmatch(PATTERN, name):
            raise ValueError(f"{name!r} is no name of a routing domain: up to 31 of a-z, 0-9 and -, beginning with a letter")
        _claim("inbox", inboxes, name, claimed_inboxes)
        _claim("team", teams, name, claimed_teams)
    return Domains((MAIN, *sorted(claims)), MappingProxyType(inboxes), MappingProxyType(teams))


def _claim(kind: str, known: dict[str, str], domain: str, names: Sequence[str]) -> None:
    for name in names:
        other = known.setdefault(name, domain)
        if other != domain:
            raise ValueError(f"the {kind} {name!r} is claimed by two routing domains, {other!r} and {domain!r}")
