"""From a message to its words, its files and what is told about it."""

import hashlib
import re
from dataclasses import dataclass, field

from channels.base import FileWanted
from channels.telegram.updates import Entity, Location, Message, Sticker, TelegramFile
from channels.text import clean_text, one_line
from schemas.values import MAX_TEXT, Attachment

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_OCTETS = "application/octet-stream"
# An animation comes as a document too, for old programs: it is looked for first.
_FILES = {
    "animation": ("animation.mp4", "video/mp4"),
    "document": ("document", _OCTETS),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video-note.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
}
_NAMED = (
    *("poll", "dice", "story", "game", "checklist", "paid_media", "invoice", "successful_payment", "web_app_data"),
    *("giveaway", "giveaway_winners", "live_photo"),
)
"""Kinds an agent is told of by name, with the words they carry."""
_WORDS = ("question", "title", "emoji", "value", "data", "total_amount", "currency")
SERVICE = frozenset(
    {
        *("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo"),
        *("group_chat_created", "supergroup_chat_created", "channel_chat_created", "message_auto_delete_timer_changed"),
        *("migrate_to_chat_id", "migrate_from_chat_id", "pinned_message", "refunded_payment", "users_shared", "chat_shared"),
        *("connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered", "boost_added"),
        *("chat_background_set", "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
        *("general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed"),
        *("video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited"),
        *("paid_message_price_changed", "direct_message_price_changed", "checklist_tasks_done", "checklist_tasks_added"),
        *("suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid"),
        *("suggested_post_refunded", "gift", "unique_gift", "gift_upgrade_sent", "chat_owner_left", "chat_owner_changed"),
        *("managed_bot_created", "poll_option_added", "poll_option_deleted"),
    }
)
"""What a chat says about itself: nobody wrote it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says and carries. `phone` is the sender's own number, if they shared it."""

    kind: str
    text: str = ""
    files: tuple[FileWanted, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    phone: str | None = None


def content_of(message: Message, inbox: str, provider_id: str) -> Content | None:
    """None when the message is of no kind that a customer's message can have."""
    if message.text:
        return Content("text", _words(message.text, message.entities))
    return _with_file(message, inbox, provider_id) or _place(message) or _card(message) or _named(message)


def is_service(message: Message) -> bool:
    """Whether the chat itself says this."""
    return not SERVICE.isdisjoint(message.model_extra or {})


def _with_file(message: Message, inbox: str, provider_id: str) -> Content | None:
    found = _file(message)
    if found is None:
        return None
    kind, file, name, media_type = found
    digest = hashlib.sha256(provider_id.encode()).hexdigest()[:32]
    declared = file.mime_type.lower()
    attachment = Attachment(
        ref=f"{inbox}/{digest}/0",
        name=one_line(re.split(r"[/\\]", file.file_name)[-1], 255).lstrip(".") or name,
        media_type=declared if _MEDIA_TYPE.fullmatch(declared) else media_type,
        size=file.file_size,
        pending=True,
    )
    text = file.emoji if isinstance(file, Sticker) else _words(message.caption, message.caption_entities)
    told = {"duration": str(file.duration)} if file.duration else {}
    return Content(kind, clean_text(text, MAX_TEXT), (FileWanted(attachment, file.file_id),), told)


def _file(message: Message) -> tuple[str, TelegramFile, str, str] | None:
    if message.photo:
        largest = max(message.photo, key=lambda one: (one.width * one.height, one.file_size))
        return "photo", largest, "photo.jpg", "image/jpeg"
    if message.sticker is not None:
        still = not (message.sticker.is_animated or message.sticker.is_video)
        if still:
            return "sticker", message.sticker, "sticker.webp", "image/webp"
        ending, media_type = ("tgs", "application/x-tgsticker") if message.sticker.is_animated else ("webm", "video/webm")
        return "sticker", message.sticker, f"sticker.{ending}", media_type
    for kind, (name, media_type) in _FILES.items():
        file: TelegramFile | None = getattr(message, kind)
        if file is not None:
            return kind, file, name, media_type
    return None


def _place(message: Message) -> Content | None:
    """A location reads as a geo URI (RFC 5870). A venue comes with a location of its own, for old programs."""
    if message.venue is not None:
        lines = (one_line(message.venue.title, 500), one_line(message.venue.address, 500), _geo(message.venue.location))
        return Content("venue", "\n".join(filter(None, lines)), attributes=_position(message.venue.location))
    if message.location is not None:
        return Content("location", _geo(message.location), attributes=_position(message.location))
    return None


def _geo(at: Location) -> str:
    return f"geo:{at.latitude:.6f},{at.longitude:.6f}"


def _position(at: Location) -> dict[str, str]:
    return {"latitude": f"{at.latitude:.6f}", "longitude": f"{at.longitude:.6f}"}


def _card(message: Message) -> Content | None:
    card = message.contact
    if card is None:
        return None
    number = one_line(card.phone_number, 50)
    name = one_line(f"{card.first_name} {card.last_name}", 200)
    own = message.sender is not None and card.user_id == message.sender.id
    return Content("contact", f"{name} {number}".strip(), phone=_international(number) if own else None)


def _international(number: str) -> str | None:
    """Telegram gives numbers in international form, with or without the plus."""
    digits = re.sub(r"[^0-9]", "", number)
    return f"+{digits}" if 7 <= len(digits) <= 15 else None


def _named(message: Message) -> Content | None:
    others = message.model_extra or {}
    kind = next((name for name in _NAMED if name in others), None)
    if kind is None:
        return None
    about = others[kind] if isinstance(others[kind], dict) else {}
    words = [one_line(str(about[name]), 1_000) for name in _WORDS if isinstance(about.get(name), str | int)]
    return Content(kind, " ".join([f"[{kind.replace('_', ' ')}]", *words]))


def _words(text: str, entities: tuple[Entity, ...]) -> str:
    """The text, with the address behind each linked stretch, which would be lost otherwise."""
    links = [one for one in entities if one.type == "text_link" and one.url][:50]
    if not links:
        return clean_text(text, MAX_TEXT)
    units = text.encode("utf-16-le")
    for link in sorted(links, key=lambda one: one.offset, reverse=True):
        end = 2 * (link.offset + link.length)
        if end <= len(units):
            units = units[:end] + f" ({one_line(link.url, 1_000)})".encode("utf-16-le") + units[end:]
    return clean_text(units.decode("utf-16-le", "replace"), MAX_TEXT)
