"""Customers who write to the bot."""

import asyncio

from hub.simulators.script import Conversation
from hub.simulators.telegram.world import Json, Person, World


class Chatters:
    """Press Start, say the first message, and answer the bot's first message, once per conversation."""

    def __init__(self, world: World, answer_seconds: float) -> None:
        self._world = world
        self._answer_seconds = answer_seconds
        self._waiting: dict[int, Conversation] = {}
        self._answers: set[asyncio.Task[None]] = set()

    def expect(self, conversation: Conversation) -> None:
        """The customer has written before, and still waits for a reply."""
        self._waiting[self._person(conversation).id] = conversation

    def begin(self, conversation: Conversation) -> None:
        """Start the bot and say the first message."""
        self.expect(conversation)
        person = self._person(conversation)
        self._world.says(person, "/start", entities=[{"type": "bot_command", "offset": 0, "length": 6}])
        self._world.says(person, conversation.text)

    def sent(self, message: Json) -> None:
        """The bot has written."""
        conversation = self._waiting.pop(message["chat"]["id"], None)
        if conversation is not None:
            task = asyncio.create_task(self._answer(conversation))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def stop(self) -> None:
        """Say nothing more."""
        for task in tuple(self._answers):
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    async def _answer(self, conversation: Conversation) -> None:
        await asyncio.sleep(self._answer_seconds)
        self._world.says(self._person(conversation), conversation.answer)

    def _person(self, conversation: Conversation) -> Person:
        first, _, last = conversation.name.partition(" ")
        person = self._world.meet(int(conversation.address), first, last, conversation.language)
        person.started = True
        return person
