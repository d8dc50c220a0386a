"""A state put back from its record goes on as if nothing had happened."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters import forms
from services.router.domain.machine import fold
from services.router.domain.model import Agent, Queue, WorkItem
from services.router.domain.state import Snapshot, State, restore
from services.router.domain.values import Entry, UsePolicy

from .logs import POLICIES, Desk, play, stories


def recorded(state: State) -> Snapshot:
    """What the tables hold, through the JSON forms that they hold it in."""

    def agent(known: Agent) -> Agent:
        ability, auto_accept = forms.read_ability(forms.from_json(forms.ability_form(known)))
        return Agent(
            known.id, known.name, ability, auto_accept, known.active, known.presence, known.epoch, known.lease_until,
            known.requeue_at, known.not_responding, known.idle_seq, known.idle_since,
        )  # fmt: skip

    def item(known: WorkItem) -> WorkItem:
        excluded = forms.excluded_form(known.excluded)
        return replace(
            known,
            facts=forms.read_facts(forms.from_json(forms.facts_form(known.facts))),
            demands=forms.read_demands(forms.from_json(forms.demands_form(known.demands))),
            excluded=forms.read_excluded(forms.from_json(excluded) if excluded else None),
            held=replace(known.held) if known.held else None,
            step_due=None,
            ticket=0,
        )

    queues = [Queue(queue.id, queue.name, queue.team) for queue in state.queues.values()]
    agents = [agent(known) for known in state.agents.values()]
    items = [item(known) for known in reversed(state.items.values())]
    return Snapshot(state.seq, state.at, state.policy, dict(state.policies), agents, queues, items)


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


def _read(version: str, text: str):
    return next(policy for policy in POLICIES if policy.version == version)


@given(stories)
def test_a_log_entry_survives_its_record(story):
    desk = Desk()
    play(desk, story)
    for entry in desk.log:
        again = forms.read_entry(entry.seq, entry.at, UUID(str(entry.id)), forms.entry_form(entry), _read)
        assert again == entry or (isinstance(entry.body, UsePolicy) and isinstance(again, Entry))
