"""The lint warns of exactly that preference which the simulation shows to blow up."""

from services.router.domain.lint import Crowd, Roster, Vocabulary, lint
from services.router.domain.plan import Ordering, OrderKind, QueueRules
from services.router.domain.policy import Policy, Rule, Step, matcher

ROSTER = Roster((Crowd({"skill.1": 1}, frozenset(), 2), Crowd({"skill.1": 1, "skill.2": 1}, frozenset(), 2)), {"general": None})
VOCABULARY = Vocabulary({"language": ("fa", "ru", None)}, (frozenset({"language"}),) * 2, (frozenset(),) * 2)


def n_design(prefer: int) -> Policy:
    """Two kinds of work in one strict queue; one of them first."""
    rules = tuple(
        Rule(f"class-{number}", matcher({"language": frozenset({word})}), "general", 9 * (number == prefer), (step,))
        for number, word, step in (
            (1, "fa", Step((("skill.1", 1),), language=0)),
            (2, "ru", Step((("skill.2", 1),), language=0)),
        )
    )
    strict = QueueRules(Ordering(OrderKind.STRICT, ranks=(), rescue=None))
    return Policy(
        "n-design", rules, Rule("default", matcher({}), "general", 0, (Step(language=0),)), queues={"general": strict}
    )


def starving(policy):
    return [finding for finding in lint(policy, VOCABULARY, ROSTER) if "starv" in finding.code]


def test_the_preference_that_blows_up_is_found():
    assert any("class-1" in finding.sentence and "class-2" in finding.sentence for finding in starving(n_design(1)))


def test_the_preference_that_stays_calm_is_not():
    assert not any("class-1" in finding.sentence and "class-2" in finding.sentence for finding in starving(n_design(2)))
