"""What the simulated Telegram knows: people, groups, messages, files, and the updates that wait for the bot."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

Json = dict[str, Any]

_KEPT = 1_000
_EPOCH = 1_700_000_000
DEFAULT_UPDATES = frozenset(
    {"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member", "poll"}
)


@dataclass
class Person:
    """A Telegram user. A bot may write to whom has started it, has not blocked it, and is not gone."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "en"
    started: bool = False
    blocked: bool = False
    gone: bool = False

    def user(self) -> Json:
        """As a User."""
        fields = {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "username": self.username,
            "language_code": self.language_code,
        }
        return {name: value for name, value in fields.items() if value not in ("", None)}

    def chat(self) -> Json:
        """As the private Chat with them."""
        return {
            **{name: value for name, value in self.user().items() if name not in ("is_bot", "language_code")},
            "type": "private",
        }


@dataclass
class Group:
    """A group chat; `moved_to` is the supergroup that it became."""

    id: int
    title: str
    member: bool = True
    moved_to: int | None = None

    def chat(self) -> Json:
        """As a Chat."""
        kind = "supergroup" if str(self.id).startswith("-100") else "group"
        return {"id": self.id, "type": kind, "title": self.title}


@dataclass
class World:
    """One bot and its surroundings, in memory. Numbers grow from the time of the start, so that none is used twice."""

    token: str
    username: str = "payvand_bot"
    reads_groups: bool = True
    people: dict[int, Person] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By file id: the name and the bytes."""
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """What the bot sent, oldest first."""
    answered: list[str] = field(default_factory=list)
    """The callback queries that were answered."""
    updates: list[Json] = field(default_factory=list)
    allowed: frozenset[str] = DEFAULT_UPDATES
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        start = int((time.time() - _EPOCH) * 10)
        self._numbers = count(start)
        self._messages = count(start)
        self._known: set[tuple[int, int]] = set()

    @property
    def bot(self) -> Json:
        """The bot as a User, as `getMe` tells it."""
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Payvand Support",
            "username": self.username,
            "can_join_groups": True,
            "can_read_all_group_messages": self.reads_groups,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def meet(self, id: int, first_name: str, last_name: str = "", language_code: str = "en", username: str = "") -> Person:
        """A person by id; made when new."""
        return self.people.setdefault(id, Person(id, first_name, last_name, username, language_code))

    def says(self, person: Person, text: str = "", group: Group | None = None, **content: Any) -> int:
        """Somebody writes to the bot, or into a group; `content` are further fields of the Message. Gives the message id."""
        if group is None:
            person.started = True
        message = self._message(person, group, {**({"text": text} if text else {}), **content})
        self.tell("message", message)
        number: int = message["message_id"]
        return number

    def edits(self, person: Person, message_id: int, text: str, group: Group | None = None) -> None:
        """They change an earlier message."""
        message = self._message(person, group, {"text": text})
        self.tell("edited_message", {**message, "message_id": message_id, "edit_date": int(time.time())})

    def presses(self, person: Person, message: Json, data: str) -> str:
        """They press an inline button of a message of the bot; gives the query's id."""
        id = str(uuid4().int)[:18]
        query = {"id": id, "from": person.user(), "message": message, "chat_instance": "1", "data": data}
        self.tell("callback_query", query)
        return id

    def blocks(self, person: Person, blocked: bool = True) -> None:
        """They block or unblock the bot."""
        person.blocked = blocked
        states = ("member", "kicked") if blocked else ("kicked", "member")
        old, new = ({"user": self.bot, "status": state, **({"until_date": 0} if state == "kicked" else {})} for state in states)
        change = {"chat": person.chat(), "from": person.user(), "date": int(time.time())}
        self.tell("my_chat_member", {**change, "old_chat_member": old, "new_chat_member": new})

    def keeps(self, name: str, content: bytes) -> Json:
        """A file as Telegram names it: the fields that every kind of file has."""
        file_id = f"AgAC{uuid4().hex}"
        self.files[file_id] = (name, content)
        return {"file_id": file_id, "file_unique_id": file_id[4:20], "file_size": len(content)}

    def posts(self, chat: Mapping[str, Any], content: Mapping[str, Any]) -> Json:
        """The bot's own message."""
        made = {
            "message_id": self._number(chat["id"]),
            "date": int(time.time()),
            "from": self.bot,
            "chat": dict(chat),
            **content,
        }
        self.sent.append(made)
        return made

    def sent_to(self, chat: int) -> Sequence[Json]:
        """What the bot sent into one chat, oldest first."""
        return [message for message in self.sent if message["chat"]["id"] == chat]

    def knows(self, chat: int, message_id: int) -> bool:
        """Whether this message stands in the chat."""
        return (chat, message_id) in self._known

    def tell(self, kind: str, what: Json) -> None:
        """An update for the bot, if it asked for its kind."""
        if kind in self.allowed:
            self.updates.append({"update_id": next(self._numbers), kind: what})
            self.news.set()

    def _message(self, person: Person, group: Group | None, content: Json) -> Json:
        chat = group.chat() if group else person.chat()
        number = self._number(chat["id"])
        return {"message_id": number, "from": person.user(), "chat": chat, "date": int(time.time()), **content}

    def _number(self, chat: int) -> int:
        number = next(self._messages)
        self._known.add((chat, number))
        return number
