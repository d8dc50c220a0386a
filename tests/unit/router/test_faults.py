"""The usual faults of routers, one test each (routing.md), told by hand."""

from datetime import timedelta
from uuid import UUID

from schemas.commands import AcceptOffer, CancelWork, ConfigureQueue, FireTimer, TransferWork
from schemas.decisions import (
    AgentChanged,
    CommandRefused,
    OfferEnded,
    OfferMade,
    WorkAssigned,
    WorkEnded,
    WorkQueued,
)
from services.router.domain.model import Phase
from services.router.domain.policy import Policy, Rule, Step, matcher

from .logs import START, Desk, item_id, of, simple_policy


def test_one_contact_never_rings_at_two_agents():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.arrive(1)
    desk.arrive(1)
    assert len(of(OfferMade, desk.decisions)) == 1
    assert desk.state.items[item_id(1)].interactions == 2


def test_an_agent_reserved_for_a_lost_contact_is_released_and_served_at_once():
    desk = Desk()
    desk.agent("ali", capacity=25)
    desk.arrive(1)
    desk.arrive(2)
    decided = desk.tell(CancelWork(work_item_id=item_id(1)))
    assert [ended.outcome for ended in of(OfferEnded, decided)] == ["cancelled"]
    assert [made.work_item_id for made in of(OfferMade, decided)] == [item_id(2)]
    assert desk.state.agents["ali"].used == 25


def test_units_are_held_from_the_offer_on():
    desk = Desk()
    desk.agent("ali", capacity=100)
    desk.arrive(1, "call")
    assert desk.state.agents["ali"].used == 100
    assert of(WorkQueued, desk.arrive(2, "email"))


def test_a_crashed_agents_offer_goes_on_when_the_lease_ends():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=10)
    desk.arrive(1)
    desk.agent("bita")
    decided = desk.wait(10)
    assert [ended.outcome for ended in of(OfferEnded, decided)] == ["cancelled"]
    assert [made.agent_id for made in of(OfferMade, decided)] == ["bita"]
    assert desk.state.agents["ali"].used == 0


def test_a_renewed_lease_keeps_the_agent():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=10)
    desk.wait(8)
    assert of(AgentChanged, desk.present("ali", lease=10)) == []
    assert desk.wait(8) == []
    assert of(AgentChanged, desk.wait(2))[0].presence == "offline"


def test_live_work_does_not_stay_with_an_agent_who_left_but_email_does():
    desk = Desk()
    desk.agent("ali", online=False, auto=True)
    desk.present("ali", lease=10)
    desk.arrive(1, "webchat")
    desk.arrive(2, "email")
    desk.wait(10)
    assert desk.holder(1) == "ali"
    decided = desk.wait(60)
    assert [queued.cause for queued in of(WorkQueued, decided)] == ["lease-lost"]
    assert (desk.holder(1), desk.holder(2)) == (None, "ali")


def test_coming_back_within_the_grace_keeps_live_work():
    desk = Desk()
    desk.agent("ali", online=False, auto=True)
    desk.present("ali", lease=10)
    desk.arrive(1)
    desk.wait(40)
    desk.present("ali", epoch=2)
    desk.wait(100)
    assert desk.holder(1) == "ali"


def test_a_removed_agents_work_goes_back_with_its_age():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.arrive(1, "email")
    desk.wait(50)
    decided = desk.agent("ali", active=False, online=False)
    assert [(queued.cause, queued.enqueued_at) for queued in of(WorkQueued, decided)] == [("agent-removed", START)]


def test_completed_work_frees_its_units_once():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.arrive(1)
    desk.arrive(2)
    assert len(of(WorkEnded, desk.resolve(1, "ali"))) == 1
    assert of(CommandRefused, desk.resolve(1, "ali"))[0].code == "gone"
    assert desk.state.agents["ali"].used == 25


def test_a_freed_agent_gets_the_oldest_item_not_the_newest():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(1)
    desk.arrive(2, after=5)
    desk.arrive(3, after=50)
    decided = desk.resolve(1)
    assert [given.work_item_id for given in of(WorkAssigned, decided)] == [item_id(3)]


def test_the_only_agent_who_declines_is_asked_again_after_a_minute():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    decided = desk.reject(1)
    assert [queued.cause for queued in of(WorkQueued, decided)] == ["rejected"]
    assert of(WorkQueued, decided)[0].reason.excluded[-1].predicate == "excluded-after-refusal"
    assert desk.wait(59) == []
    assert [made.agent_id for made in of(OfferMade, desk.wait(1))] == ["ali"]


def test_a_refused_item_keeps_its_age():
    desk = Desk()
    desk.agent("ali", capacity=25)
    desk.arrive(1, after=100)
    desk.reject(1)
    desk.arrive(2)
    desk.agent("bita", capacity=25)
    assert desk.holder(1) == "bita"
    assert desk.state.items[item_id(1)].enqueued_at == START - timedelta(seconds=100)


def test_the_refuser_gets_other_work_at_once():
    desk = Desk()
    desk.agent("ali", capacity=25)
    desk.arrive(1)
    desk.arrive(2)
    decided = desk.reject(1)
    assert [made.work_item_id for made in of(OfferMade, decided)] == [item_id(2)]


def test_the_head_of_the_queue_does_not_block_those_behind_it():
    desk = Desk(simple_policy(Step(language=3)))
    desk.arrive(1, language="fa", after=100)
    desk.arrive(2, language="ru", after=10)
    desk.arrive(3, after=1)
    desk.agent("ali", skills={"lang.ru": 3}, capacity=25)
    assert desk.holder(2) == "ali"
    desk.agent("bita", capacity=25)
    assert desk.holder(3) == "bita"
    assert desk.holder(1) is None


def test_priority_is_a_head_start_in_time_so_nobody_starves():
    vip = Rule("vip", matcher({"tier": frozenset({"gold"})}), "general", 2, (Step(),))
    desk = Desk(Policy("p", (vip,), Rule("default", matcher({}), "general", 0, (Step(),))))
    desk.arrive(1)
    desk.wait(100)
    desk.arrive(2, tier="gold")
    desk.wait(30)
    desk.arrive(3, tier="gold")
    desk.agent("ali", auto=True, capacity=25)
    served = []
    for _ in range(3):
        number = next(n for n in (1, 2, 3) if item_id(n) in desk.state.items and desk.holder(n))
        served.append(number)
        desk.resolve(number)
    assert served == [2, 1, 3]


def test_the_idle_clock_starts_anew_when_an_agent_comes_back():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.present("ali", "offline")
    desk.wait(86_400 * 14)
    desk.present("ali")
    desk.arrive(1)
    assert desk.holder(1) == "bita"


def test_whose_offer_ended_is_no_longer_the_longest_idle():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    for number in (1, 2, 3, 4):
        desk.arrive(number)
    assert [desk.holder(number) for number in (1, 2, 3, 4)] == ["ali", "bita", "ali", "bita"]
    desk.tell(CancelWork(work_item_id=item_id(3)))
    desk.arrive(5)
    assert desk.holder(5) == "bita"


def test_who_has_room_again_comes_in_at_their_old_place_in_the_order_of_the_idle():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=110)
    desk.arrive(1, "email")
    desk.arrive(2, "email")
    desk.agent("cyrus", auto=True, capacity=110, skills={"product": 2})
    desk.agent("bita", auto=True, capacity=110)
    for number, name in ((3, "cyrus"), (4, "bita")):
        desk.arrive(number, "call")
        assert desk.holder(number) == name
        desk.resolve(number)
    desk.resolve(2)
    desk.arrive(5, "call")
    assert desk.holder(5) == "ali"


def test_the_longest_idle_agent_is_found_among_thousands_with_the_skill_at_the_end():
    """Nothing cuts the candidates to a top N before skills are checked."""
    desk = Desk(simple_policy(Step((("rare", 1),))))
    for number in range(300):
        desk.agent(f"a{number:03}")
    desk.agent("zara", skills={"rare": 1})
    desk.arrive(1)
    assert desk.holder(1) == "zara"


def test_steps_go_on_while_an_offer_rings():
    desk = Desk(simple_policy(Step((("lang.fa", 4),), timedelta(seconds=20)), Step((("lang.fa", 1),))))
    desk.agent("ali", skills={"lang.fa": 5})
    desk.agent("bita", skills={"lang.fa": 1})
    desk.arrive(1)
    assert desk.holder(1) == "ali"
    desk.wait(25)
    decided = desk.reject(1)
    assert [(made.agent_id, made.reason.step) for made in of(OfferMade, decided)] == [("bita", 1)]


def test_a_step_relaxes_by_timer_and_the_last_one_stays():
    desk = Desk(simple_policy(Step((("lang.fa", 3),), timedelta(seconds=60)), Step((("lang.fa", 1),))))
    desk.agent("ali", skills={"lang.fa": 1})
    desk.agent("boris")
    desk.arrive(1, language="fa")
    assert of(WorkQueued, desk.decisions)[0].reason.excluded[0].predicate == "skill:lang.fa>=3"
    assert desk.wait(59) == []
    assert [made.agent_id for made in of(OfferMade, desk.wait(1))] == ["ali"]
    desk.reject(1)
    assert desk.wait(59) == []


def test_who_does_not_answer_gets_nothing_until_they_show_themselves():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    decided = desk.wait(30)
    assert [ended.outcome for ended in of(OfferEnded, decided)] == ["expired"]
    assert of(WorkQueued, decided)[0].cause == "expired"
    assert of(AgentChanged, decided)[0].not_responding
    desk.wait(600)
    assert desk.present("ali", epoch=1) == [], "a renewal of the same session is no sign of a person"
    assert [made.agent_id for made in of(OfferMade, desk.present("ali", epoch=2))] == ["ali"]


def test_a_late_accept_is_told_gone_and_an_early_one_may_be_repeated():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    offer = desk.held(1).offer_id
    assert len(of(WorkAssigned, desk.accept(1))) == 1
    assert desk.accept(1) == []
    desk.resolve(1)
    late = desk.tell(AcceptOffer(offer_id=offer, agent_id="ali"))
    assert [refused.code for refused in of(CommandRefused, late)] == ["gone"]
    desk.arrive(2)
    missed = desk.held(2).offer_id
    desk.wait(30)
    late = desk.tell(AcceptOffer(offer_id=missed, agent_id="ali"))
    assert [refused.code for refused in of(CommandRefused, late)] == ["gone"]


def test_nobody_accepts_or_resolves_for_another():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.arrive(1)
    stolen = desk.tell(AcceptOffer(offer_id=desk.held(1).offer_id, agent_id="bita"))
    assert [refused.code for refused in of(CommandRefused, stolen)] == ["not-yours"]
    desk.accept(1)
    assert [refused.code for refused in of(CommandRefused, desk.resolve(1, "bita"))] == ["not-yours"]


def test_an_older_session_cannot_speak_for_an_agent():
    desk = Desk()
    desk.agent("ali")
    desk.present("ali", epoch=5)
    refused = desk.present("ali", "offline", epoch=4)
    assert [refusal.code for refusal in of(CommandRefused, refused)] == ["stale-epoch"]
    assert desk.state.agents["ali"].presence == "online"


def test_auto_accept_assigns_without_ringing():
    desk = Desk()
    desk.agent("ali", auto=True)
    decided = desk.arrive(1)
    assert of(OfferMade, decided) == []
    assert [given.auto for given in of(WorkAssigned, decided)] == [True]


def test_a_wait_is_told_once():
    desk = Desk(simple_policy(Step((("x", 2),), timedelta(seconds=5)), Step((("x", 1),))))
    desk.arrive(1)
    desk.arrive(1)
    desk.wait(500)
    assert len(of(WorkQueued, desk.decisions)) == 1


def test_a_conversation_that_ended_opens_again_under_the_same_id():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.arrive(1)
    first = desk.held(1).offer_id
    desk.resolve(1)
    desk.arrive(1)
    assert desk.holder(1) == "ali"
    assert desk.held(1).offer_id != first


def test_transfer_to_a_queue_keeps_the_age_and_does_not_bounce_back():
    desk = Desk()
    desk.tell(ConfigureQueue(queue_id="sales", name="Sales"))
    desk.agent("ali", auto=True)
    desk.arrive(1)
    desk.wait(10)
    decided = desk.tell(TransferWork(work_item_id=item_id(1), agent_id="ali", to_queue="sales"))
    queued = of(WorkQueued, decided)[0]
    assert (queued.cause, queued.queue_id, queued.enqueued_at) == ("transferred", "sales", START)
    assert desk.holder(1) is None


def test_transfer_to_an_agent_rings_there_and_is_refused_when_there_is_no_room():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.agent("bita", capacity=25)
    desk.agent("cyrus", online=False)
    desk.arrive(1)
    given = of(OfferMade, desk.tell(TransferWork(work_item_id=item_id(1), agent_id="ali", to_agent="bita")))
    assert [made.agent_id for made in given] == ["bita"]
    assert desk.state.agents["ali"].used == 0
    desk.accept(1)
    refused = desk.tell(TransferWork(work_item_id=item_id(1), agent_id="bita", to_agent="cyrus"))
    assert [refusal.code for refusal in of(CommandRefused, refused)] == ["invalid"]
    assert desk.holder(1) == "bita"


def test_only_the_team_of_a_queue_serves_it_and_a_new_team_is_served_at_once():
    desk = Desk(simple_policy())
    desk.tell(ConfigureQueue(queue_id="general", name="General", team="red"))
    desk.agent("ali")
    decided = desk.arrive(1)
    assert of(WorkQueued, decided)[0].reason.excluded[0].predicate == "team:red"
    freed = desk.tell(ConfigureQueue(queue_id="general", name="General", team=None))
    assert [made.agent_id for made in of(OfferMade, freed)] == ["ali"]


def test_the_best_skilled_agent_is_chosen_before_the_longest_idle():
    desk = Desk()
    desk.agent("ali", skills={"lang.fa": 2})
    desk.agent("bita", skills={"lang.fa": 4})
    desk.agent("cyrus", skills={"lang.fa": 4})
    made = of(OfferMade, desk.arrive(1, language="fa"))[0]
    assert (made.agent_id, made.reason.runner_up, made.reason.eligible) == ("bita", "cyrus", 3)
    assert made.reason.winner_because == "the longest idle"


def test_an_agent_with_a_million_units_takes_everything():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=1_000_000)
    for number in range(3_000):
        desk.arrive(number)
    assert desk.state.agents["ali"].used == 75_000
    assert all(item.phase is Phase.ASSIGNED for item in desk.state.items.values())


def test_a_timer_for_nothing_decides_nothing():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    desk.accept(1)
    assert desk.state.next_timer() is None
    assert desk.tell(FireTimer(due=START + timedelta(days=1))) == []


def test_a_command_for_an_unknown_agent_is_refused_and_named():
    desk = Desk()
    refused = of(CommandRefused, desk.present("nobody"))[0]
    assert (refused.code, refused.command_id) == ("unknown", UUID(int=1))
