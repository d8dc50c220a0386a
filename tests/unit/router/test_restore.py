"""A state put back from its record goes on as if nothing had happened."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters import extras, forms
from services.router.domain.machine import fold
from services.router.domain.model import Agent, Queue, WorkItem
from services.router.domain.state import Snapshot, State, restore
from services.router.domain.values import Entry, UsePolicy

from .logs import POLICIES, RICH_POLICIES, RICH_TERMS, Desk, play, rich_stories, stories


def recorded(state: State) -> Snapshot:
    """What the tables hold, through the JSON forms that they hold it in."""

    def agent(known: Agent) -> Agent:
        ability, auto_accept = forms.read_ability(forms.from_json(forms.ability_form(known)))
        made = Agent(
            known.id, known.name, ability, auto_accept, known.active, known.presence, known.epoch, known.lease_until,
            known.requeue_at, known.not_responding, known.idle_seq, known.idle_since,
        )  # fmt: skip
        return extras.give_agent(made, through_json(extras.agent_extra(known)))

    def item(known: WorkItem) -> WorkItem:
        excluded = forms.excluded_form(known.excluded)
        made = WorkItem(
            known.id, known.facts, known.queue_id, known.rule, known.policy, known.priority, known.enqueued_at,
            known.steps_from, known.demands, known.order, known.phase, known.step, offers=known.offers,
            interactions=known.interactions,
        )  # fmt: skip
        made = replace(
            made,
            facts=forms.read_facts(forms.from_json(forms.facts_form(known.facts))),
            demands=forms.read_demands(forms.from_json(forms.demands_form(known.demands))),
            excluded=forms.read_excluded(forms.from_json(excluded) if excluded else None),
            held=replace(known.held) if known.held else None,
        )
        return extras.give_item(made, through_json(extras.item_extra(known)))

    queues = [
        extras.give_queue(Queue(queue.id, queue.name, queue.team), through_json(extras.queue_extra(queue)))
        for queue in state.queues.values()
    ]
    agents = [agent(known) for known in state.agents.values()]
    items = [item(known) for known in reversed(state.items.values())]
    policies = dict(state.policies)
    wrap_ups = [replace(wrap_up) for wrap_up in reversed(state.wrap_ups.values())]
    known = [(who, replace(one)) for who, one in reversed(state.known.items())]
    return Snapshot(state.seq, state.at, state.policy, policies, agents, queues, items, wrap_ups, known)


def through_json(form: str | None):
    return forms.from_json(form) if form else None


@given(stories, st.integers(0, 200))
def test_a_restart_anywhere_changes_no_decision(story, place):
    desk = Desk()
    play(desk, story)
    place = min(place, len(desk.log))
    state = State()
    told = [decision for entry in desk.log[:place] for decision in fold(state, [entry])]
    state = restore(recorded(state), state.terms)
    told += [decision for entry in desk.log[place:] for decision in fold(state, [entry])]
    assert told == desk.decisions
    assert state.next_timer() == desk.state.next_timer()


@given(rich_stories, st.integers(0, 200))
def test_a_restart_anywhere_changes_no_decision_whatever_the_rules(story, place):
    desk = Desk(terms=RICH_TERMS)
    play(desk, story)
    place = min(place, len(desk.log))
    state = State(terms=RICH_TERMS)
    told = [decision for entry in desk.log[:place] for decision in fold(state, [entry])]
    state = restore(recorded(state), state.terms)
    told += [decision for entry in desk.log[place:] for decision in fold(state, [entry])]
    assert [decision.write() for decision in told] == [decision.write() for decision in desk.decisions]
    assert state.next_timer() == desk.state.next_timer()


@given(rich_stories)
def test_the_record_of_a_state_put_back_is_the_record_of_the_state(story):
    desk = Desk(terms=RICH_TERMS)
    play(desk, story)
    assert picture(recorded(restore(recorded(desk.state), RICH_TERMS))) == picture(recorded(desk.state))


def picture(snapshot: Snapshot) -> dict:
    """A snapshot in comparable form: the order of its parts means nothing, but that of the known agents is by log place."""
    items = {
        item.id: (item.phase, item.order, item.aged, item.step, item.held, item.excluded, item.facts, item.demands,
                  extras.item_extra(item))
        for item in snapshot.items
    }  # fmt: skip
    agents = {
        agent.id: (agent.presence, agent.epoch, agent.lease_until, agent.requeue_at, agent.idle_seq, extras.agent_extra(agent))
        for agent in snapshot.agents
    }
    queues = {queue.id: (queue.name, queue.team, extras.queue_extra(queue)) for queue in snapshot.queues}
    wrap_ups = {wrap_up.id: wrap_up for wrap_up in snapshot.wrap_ups}
    return {"items": items, "agents": agents, "queues": queues, "wrap_ups": wrap_ups, "known": list(snapshot.known)}


def _read(version: str, text: str):
    return next(policy for policy in (*POLICIES, *RICH_POLICIES) if policy.version == version)


@given(rich_stories)
def test_a_log_entry_survives_its_record(story):
    desk = Desk(terms=RICH_TERMS)
    play(desk, story)
    for entry in desk.log:
        again = forms.read_entry(entry.seq, entry.at, UUID(str(entry.id)), forms.entry_form(entry), _read)
        assert again == entry or (isinstance(entry.body, UsePolicy) and isinstance(again, Entry))
