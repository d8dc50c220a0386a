"""The methods that send: who may be written to, and what Telegram takes."""

import io
import json
import re
from dataclasses import dataclass
from typing import Any

from hub.simulators.telegram.limits import Limits
from hub.simulators.telegram.refusals import Refusal, bad
from hub.simulators.telegram.world import Json, World

Upload = tuple[str, bytes]

_MAX_TEXT = 4_096
_MAX_CAPTION = 1_024
_MAX_PHOTO = 10 * 1024 * 1024
_MAX_SIDES = 10_000
_MAX_RATIO = 20
_TAG = re.compile(r"</?(?:b|strong|i|em|u|ins|s|strike|del|code|pre|a|tg-spoiler|blockquote|span)(?:\s[^<>]*)?>")


@dataclass(frozen=True)
class Call:
    """The parameters of one call, and the files that came with it."""

    fields: dict[str, str]
    uploads: dict[str, Upload]

    def text(self, name: str) -> str:
        """A parameter as text, empty when missing."""
        return self.fields.get(name, "")

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        given = self.fields.get(name)
        if given is None:
            return default
        if not re.fullmatch(r"-?\d{1,18}", given):
            raise bad(f"parameter {name} must be an integer")
        return int(given)

    def structure(self, name: str) -> Any:
        """A parameter that is JSON, None when missing."""
        given = self.fields.get(name)
        if not given:
            return None
        try:
            return json.loads(given)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None


class Sending:
    """`sendMessage`, `sendPhoto`, `sendDocument`, `sendVoice`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._limits = Limits()

    def message(self, call: Call) -> Json:
        """Text of 1 to 4096 characters."""
        chat = self._chat(call)
        text = _entities(call, call.text("text")).strip()
        if not text:
            raise bad("message text is empty")
        if _units(text) > _MAX_TEXT:
            raise bad("message is too long")
        return self._post(chat, call, {"text": text})

    def photo(self, call: Call) -> Json:
        """A picture of at most 10 MB that can be read, and is not too long or too thin."""
        chat = self._chat(call)
        name, content = self._file(call, "photo")
        width, height = _size(content)
        if len(content) > _MAX_PHOTO:
            raise bad("file is too big")
        if width + height > _MAX_SIDES or max(width, height) > _MAX_RATIO * min(width, height):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        photo = {**self._world.keeps(name, content), "width": width, "height": height}
        return self._post(chat, call, {"photo": [photo], **_caption(call)})

    def document(self, call: Call) -> Json:
        """Any file."""
        chat = self._chat(call)
        name, content = self._file(call, "document")
        return self._post(chat, call, {"document": {**self._world.keeps(name, content), "file_name": name}, **_caption(call)})

    def voice(self, call: Call) -> Json:
        """An Ogg file is a voice message, another one becomes a document."""
        chat = self._chat(call)
        name, content = self._file(call, "voice")
        kept = self._world.keeps(name, content)
        if content.startswith(b"OggS"):
            return self._post(chat, call, {"voice": {**kept, "duration": 1, "mime_type": "audio/ogg"}, **_caption(call)})
        return self._post(chat, call, {"document": {**kept, "file_name": name}, **_caption(call)})

    def _chat(self, call: Call) -> Json:
        given = call.text("chat_id")
        if not given:
            raise bad("chat_id is empty")
        id = int(given) if re.fullmatch(r"-?\d{1,18}", given) else 0
        return self._room(id) if id < 0 else self._person(id)

    def _person(self, id: int) -> Json:
        person = self._world.people.get(id)
        if person is None:
            raise bad("chat not found")
        if person.gone:
            raise Refusal(403, "Forbidden: user is deactivated")
        if person.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if not person.started:
            raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
        return person.chat()

    def _room(self, id: int) -> Json:
        group = self._world.groups.get(id)
        if group is None:
            raise bad("chat not found")
        if group.moved_to is not None:
            moved = {"migrate_to_chat_id": group.moved_to}
            raise Refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
        if not group.member:
            raise Refusal(403, f"Forbidden: bot was kicked from the {group.chat()['type']} chat")
        return group.chat()

    def _file(self, call: Call, name: str) -> Upload:
        """An upload, one named by attach://, or the id of a file that Telegram has."""
        given = call.text(name)
        upload = call.uploads.get(given.removeprefix("attach://") if given.startswith("attach://") else name)
        found = upload or self._world.files.get(given)
        if found is None:
            raise bad(f"there is no {name} in the request" if not given else "wrong file identifier/HTTP URL specified")
        if not found[1]:
            raise bad("file must be non-empty")
        return found

    def _post(self, chat: Json, call: Call, content: Json) -> Json:
        replied = self._replied(chat, call)
        self._limits.count(chat["id"])
        return self._world.posts(chat, {**content, **replied})

    def _replied(self, chat: Json, call: Call) -> Json:
        reply = call.structure("reply_parameters")
        if reply is None:
            return {}
        if not isinstance(reply, dict) or not isinstance(reply.get("message_id"), int):
            raise bad("can't parse reply parameters JSON object")
        if not self._world.knows(chat["id"], reply["message_id"]):
            if reply.get("allow_sending_without_reply") is True:
                return {}
            raise bad("message to be replied not found")
        return {"reply_to_message": {"message_id": reply["message_id"], "chat": chat, "date": 0}}


def _caption(call: Call) -> Json:
    caption = _entities(call, call.text("caption"))
    if _units(caption) > _MAX_CAPTION:
        raise bad("message caption is too long")
    return {"caption": caption} if caption else {}


def _entities(call: Call, text: str) -> str:
    """Text without its formatting."""
    mode = call.text("parse_mode").lower()
    if not mode:
        return text
    if mode != "html":
        raise bad("unsupported parse_mode")
    plain = _TAG.sub("", text)
    if "<" in plain:
        raise bad("can't parse entities: unsupported start tag")
    return plain


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _size(content: bytes) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only who sends pictures pays for it

    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise bad("IMAGE_PROCESS_FAILED") from None
