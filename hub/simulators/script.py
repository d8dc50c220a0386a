"""Who says what: the conversations in conversations.yaml, in an order that depends on the seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml
from pydantic import TypeAdapter


@dataclass(frozen=True)
class Conversation:
    """One matter of one customer. `answer` is what they say to the first reply; `address` on Telegram is their user id,
    by text message their number."""

    language: Literal["fa", "ru", "en"]
    channel: Literal["email", "webchat", "telegram", "sms"]
    name: str
    address: str
    subject: str
    text: str
    answer: str

    @cached_property
    def key(self) -> UUID:
        """Stable, so that the same message sent again after a restart is known as the same."""
        return uuid5(NAMESPACE_URL, f"payvand:simulators:{self.address}:{self.text}")


def conversations(seed: int) -> Sequence[Conversation]:
    """All of them, shuffled within matters, so that languages and channels alternate."""
    source = files("hub.simulators").joinpath("conversations.yaml").read_text(encoding="utf-8")
    everything = TypeAdapter(list[Conversation]).validate_python(yaml.safe_load(source))
    order = random.Random(seed)  # noqa: S311 - a script, not a secret
    matters = [everything[place : place + 3] for place in range(0, len(everything), 3)]
    order.shuffle(matters)
    for matter in matters:
        order.shuffle(matter)
    return [conversation for matter in matters for conversation in matter]
