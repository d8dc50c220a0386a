"""What the machine tells is built without checks: it must be what the checks would have made of it."""

from hypothesis import given

from schemas.decisions import Reason

from .logs import RICH_TERMS, Desk, play, rich_stories, stories


def assert_as_checked(decisions):
    for decision in decisions:
        checked = type(decision).model_validate(decision.model_dump())
        assert checked == decision
        assert checked.write() == decision.write()
        assert list(vars(checked)) == list(vars(decision))
        reason = getattr(decision, "reason", None)
        assert reason is None or Reason.model_validate_json(reason.model_dump_json()) == reason
        assert type(decision).read(decision.write()) == decision


@given(stories)
def test_every_decision_is_what_checking_it_would_have_made(story):
    desk = Desk()
    play(desk, story)
    assert_as_checked(desk.decisions)


@given(rich_stories)
def test_every_decision_is_what_checking_it_would_have_made_whatever_the_rules(story):
    desk = Desk(terms=RICH_TERMS)
    play(desk, story)
    assert_as_checked(desk.decisions)
