"""Between our words and those of channels/base.py: what to send, and what a failure was."""

from datetime import timedelta

from channels.base import OutgoingMessage, RetryLater, SendError
from runtime.errors import PayvandError
from schemas.values import ThreadRef
from services.notifier.domain.delivery import Failed, Failure
from services.notifier.ports import Claimed


def message(claimed: Claimed) -> OutgoingMessage:
    """What the channel is asked to send. The thread is given only to the channel it belongs to."""
    delivery, request = claimed.delivery, claimed.request
    return OutgoingMessage(
        delivery_id=delivery.delivery_id,
        conversation_id=delivery.conversation_id,
        to=delivery.address,
        text=request.text,
        language=request.language,
        author=request.author_name or request.agent_id,
        thread=request.thread if delivery.channel == request.live_channel else ThreadRef(),
        attachments=request.attachments,
        at=request.requested_at,
        attempt=delivery.attempt,
    )


def failed(error: Exception) -> Failed:
    """The class of a failure. What is not a SendError breaks the contract: if it says itself that it passes, it is tried again;
    if we refused it ourselves, nothing went out; anything else may have happened after the provider took it.
    """
    match error:
        case RetryLater(retry_after=seconds) if seconds is not None:
            return Failed(Failure.RETRY, error.message, timedelta(seconds=seconds))
        case SendError():
            return Failed(Failure(error.slug), error.message)
        case PayvandError():
            return Failed(Failure.RETRY if error.retryable else Failure.FAILED, error.message)
        case TimeoutError():
            return Failed(Failure.UNKNOWN, "the provider did not answer in time")
        case _:
            return Failed(Failure.UNKNOWN, f"the channel failed unexpectedly ({type(error).__name__})")
