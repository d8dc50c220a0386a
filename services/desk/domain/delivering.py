"""How far a delivery has come; late news never takes it back."""

from schemas.replies import DeliveryUpdated
from schemas.values import DeliveryState

_RANKS = {
    DeliveryState.ACCEPTED: 0,
    DeliveryState.DEFERRED: 1,
    DeliveryState.QUEUED: 2,
    DeliveryState.SENDING: 3,
    DeliveryState.RETRY_WAIT: 4,
    DeliveryState.UNKNOWN: 5,
    DeliveryState.SENT: 6,
    DeliveryState.DELIVERED: 7,
    DeliveryState.READ: 8,
    DeliveryState.CANCELLED: 9,
    DeliveryState.EXPIRED: 10,
    DeliveryState.SUPPRESSED: 11,
    DeliveryState.FAILED: 12,
    DeliveryState.UNDELIVERED: 13,
    DeliveryState.BOUNCED: 14,
}


def progress(update: DeliveryUpdated) -> int:
    """Grows with each attempt, and within one attempt with each step towards its end."""
    return update.attempt * 16 + _RANKS[update.state]
