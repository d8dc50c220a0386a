"""`make guards`: each guard of the router against a usual fault is taken out of a copy; the fault's test must then fail.

A test that still passes without its guard proves nothing. Ends with code 1 when there is one, or when a guard does not stand
where it should. Not told: whether the test fails by its assertion or because the machine without its guard breaks.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOMAIN = Path("services/router/domain")
TESTS = "tests/unit/router/test_usual_faults.py"
_COPIED = ("services", "schemas", "runtime", "tests")
_LEFT_OUT = shutil.ignore_patterns("node_modules", "static", "dist", "__pycache__", "fixtures")


@dataclass(frozen=True)
class Guard:
    """What stands in `file` against a fault, what stands there without it, and the test that must tell."""

    fault: str
    file: str
    stands: str
    without: str
    test: str


GUARDS = (
    Guard(
        "two agents get one contact", "work.py",
        "known = state.items.get(body.work_item_id)", "known = None",
        "test_two_agents_never_get_one_contact",
    ),
    Guard(
        "agent reserved, contact lost, agent never released", "work.py",
        "agent = _detach(turn, item, why)", "agent = None",
        "test_an_agent_reserved_for_a_lost_contact_is_released",
    ),
    Guard(
        "capacity checked before the lock", "matching.py",
        "Held(offer_id, agent.id, state.terms.cost(channel),",
        "Held(offer_id, agent.id, 0 if expires_at else state.terms.cost(channel),",
        "test_capacity_is_held_with_the_offer_not_checked_before_it",
    ),
    Guard(
        "agent stuck after a crash or disconnect", "presence.py",
        '    _withdraw(turn, agent, "lease-lost")\n', "",
        "test_an_agent_is_not_stuck_after_a_crash",
    ),
    Guard(
        "completed work counted twice", "work.py",
        "    turn.state.end(item)\n", "",
        "test_completed_work_is_counted_once",
    ),
    Guard(
        "work stays with an agent who left", "presence.py",
        "left + min(known) if known else None", "None",
        "test_live_work_does_not_stay_with_an_agent_who_left",
    ),
    Guard(
        "a freed agent gets a new contact while older ones wait", "work.py",
        "        begin(turn, item, held, disposition)\n    if agent is not None:\n        serve(turn, agent)\n",
        "        begin(turn, item, held, disposition)\n",
        "test_a_freed_agent_gets_the_oldest_item_though_a_new_one_comes_at_that_moment",
    ),
    Guard(
        "the only agent declines once and is never offered it again", "offers.py",
        "    del item.excluded[agent_id]\n", "",
        "test_the_only_agent_who_declines_once_is_offered_it_again",
    ),
    Guard(
        "the head of the queue blocks those behind it", "floor.py",
        "key = (queue.id, channel, needs, teams)", "key = (queue.id, channel, (), teams)",
        "test_the_head_of_the_queue_does_not_block_those_behind_it",
    ),
    Guard(
        "starvation under strict priority", "orders.py",
        "rescued = ordering.rescue is not None and now - key[0] >= ordering.rescue // MICROSECOND", "rescued = False",
        "test_strict_priority_starves_nobody_beyond_the_rescue",
    ),
    Guard(
        "a policy tuple packed into one number", "work.py",
        "aged - choice.head_start // MICROSECOND if", "aged - choice.head_start // MICROSECOND % 10**14 if",
        "test_no_part_of_the_order_swallows_another",
    ),
    Guard(
        "the idle clock never reset after a holiday", "presence.py",
        "    if gained:\n        state.restart_idle(agent)\n", "",
        "test_the_idle_clock_starts_anew_after_a_holiday",
    ),
    Guard(
        "candidates cut to a top N before skills are checked", "floor.py",
        "        for profile in profiles:\n            fit =", "        for profile in list(profiles)[:1]:\n            fit =",
        "test_candidates_are_not_cut_to_a_top_n_before_skills_are_checked",
    ),
    Guard(
        "steps that stop ticking while an offer rings", "matching.py",
        "    item.step = item.step_at(state.at)\n    queue",
        "    item.step = item.step if item.offers else item.step_at(state.at)\n    queue",
        "test_steps_go_on_while_an_offer_rings",
    ),
    Guard(
        "an agent who does not answer is rung again and again", "offers.py",
        ".not_responding = True", ".not_responding = False",
        "test_who_lets_an_offer_expire_is_passed_over_and_says_so",
    ),
)  # fmt: skip


def passes(copy: Path, test: str) -> bool:
    """Whether a test passes in the copy. Raises RuntimeError when it could not be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"{TESTS}::{test}"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if found.returncode not in (0, 1):
        raise RuntimeError(f"{test} could not be run:\n{found.stdout}{found.stderr}")
    return found.returncode == 0


def verdict(copy: Path, guard: Guard) -> str:
    """What became of the guard's test, with the guard and without it."""
    file = copy / DOMAIN / guard.file
    whole = file.read_text()
    if whole.count(guard.stands) != 1:
        return f"the guard stands {whole.count(guard.stands)} times in {guard.file}"
    if not passes(copy, guard.test):
        return "its test fails with the guard"
    file.write_text(whole.replace(guard.stands, guard.without))
    try:
        return "its test passes without the guard" if passes(copy, guard.test) else ""
    finally:
        file.write_text(whole)


def main() -> int:
    """Print one line for each fault."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=_LEFT_OUT)
        shutil.copy(ROOT / "pyproject.toml", copy)
        for guard in GUARDS:
            wrong = verdict(copy, guard)
            bad += bool(wrong)
            print(f"{guard.fault:<62} {wrong or 'seen to fail without its guard'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
