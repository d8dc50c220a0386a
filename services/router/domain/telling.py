"""Makers of what the machine tells most: unchecked, since all that goes into them was checked when it came in.

A value that no command, policy or record has brought in checked form must not go in here.
"""

from schemas.base import unchecked
from schemas.decisions import AgentChanged, Excluded, OfferEnded, OfferMade, Reason, WorkAssigned, WorkEnded, WorkQueued

agent_changed = unchecked(AgentChanged)
excluded = unchecked(Excluded)
offer_ended = unchecked(OfferEnded)
offer_made = unchecked(OfferMade)
reason_of = unchecked(Reason)
work_assigned = unchecked(WorkAssigned)
work_ended = unchecked(WorkEnded)
work_queued = unchecked(WorkQueued)
