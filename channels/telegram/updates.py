"""The parts of a Bot API update that are read. Source: https://core.telegram.org/bots/api, version 10.0.

What is not named here is ignored, except that a message and an update remember the names of their other fields.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[int, Field(ge=-(2**53), le=2**53)]
Seconds = Annotated[int, Field(ge=0, le=2**33)]
Size = Annotated[int, Field(ge=0, le=2**50)]
FileId = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Part(BaseModel):
    """Read tolerantly: new fields of a newer Bot API change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class User(Part):
    """A person or a bot."""

    id: Id
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class Chat(Part):
    """`type` is private, group, supergroup or channel."""

    id: Id
    type: str
    title: str = ""


class TelegramFile(Part):
    """What photo, document, voice and the like have in common."""

    file_id: FileId
    file_size: Size = 0
    file_name: str = ""
    mime_type: str = ""
    duration: Size = 0
    width: Size = 0
    height: Size = 0


class Sticker(TelegramFile):
    """A still, animated or video sticker."""

    emoji: str = ""
    is_animated: bool = False
    is_video: bool = False


class Location(Part):
    """A point on the map."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Venue(Part):
    """A place with a name."""

    location: Location
    title: str = ""
    address: str = ""


class SharedContact(Part):
    """A contact card; `user_id` is filled in by Telegram from the number."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""
    user_id: Id | None = None


class Entity(Part):
    """A stretch of the text; offsets count UTF-16 code units."""

    type: str
    offset: Size
    length: Size
    url: str = ""


class Button(Part):
    """An inline button."""

    text: str = ""
    callback_data: str = ""


class Keyboard(Part):
    """The buttons under a message."""

    inline_keyboard: tuple[tuple[Button, ...], ...] = ()


class Reply(Part):
    """The message that was replied to."""

    message_id: Id
    chat: Chat | None = None


class Message(BaseModel):
    """A message of any kind. `model_extra` has the fields that are not read here: their names tell the other kinds."""

    model_config = ConfigDict(frozen=True, extra="allow")

    message_id: Id
    date: Seconds = 0
    edit_date: Seconds = 0
    chat: Chat
    sender: User | None = Field(None, alias="from")
    sender_chat: Chat | None = None
    reply_to_message: Reply | None = None
    reply_markup: Keyboard | None = None
    media_group_id: str = ""
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = ()
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[TelegramFile, ...] = ()
    animation: TelegramFile | None = None
    document: TelegramFile | None = None
    video: TelegramFile | None = None
    video_note: TelegramFile | None = None
    voice: TelegramFile | None = None
    audio: TelegramFile | None = None
    sticker: Sticker | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: SharedContact | None = None


class CallbackQuery(Part):
    """Somebody pressed an inline button."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    sender: User = Field(alias="from")
    message: Message | None = None
    data: str = ""


class Membership(Part):
    """What the bot is in a chat."""

    status: str


class MembershipChanged(Part):
    """The bot was blocked, unblocked, added or removed."""

    chat: Chat
    sender: User = Field(alias="from")
    date: Seconds
    new_chat_member: Membership


class Update(BaseModel):
    """One update. `model_extra` names the kinds that are not taken."""

    model_config = ConfigDict(frozen=True, extra="allow")

    update_id: Id
    message: Message | None = None
    edited_message: Message | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: MembershipChanged | None = None


TAKEN = ("message", "edited_message", "callback_query", "my_chat_member")
"""The `allowed_updates` that an inbox asks for."""

NOT_TAKEN = frozenset(
    {
        *(
            "channel_post",
            "edited_channel_post",
            "inline_query",
            "chosen_inline_result",
            "shipping_query",
            "pre_checkout_query",
        ),
        *("business_connection", "business_message", "edited_business_message", "deleted_business_messages"),
        *("message_reaction", "message_reaction_count", "poll", "poll_answer", "chat_member", "chat_join_request"),
        *("chat_boost", "removed_chat_boost", "purchased_paid_media", "guest_message", "managed_bot"),
    }
)
"""Kinds that exist and are not asked for. They may come for a short while after the bot was used by another program."""
