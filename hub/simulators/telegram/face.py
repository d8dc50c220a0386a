"""The other end of the simulated Telegram, for people who look and programs that play a customer."""

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hub.simulators.telegram.world import World


def routes(world: World) -> list[BaseRoute]:
    """`GET /chats/{id}` lists what the bot sent there; `POST /chats/{id}` lets that user do something.

    The body is JSON: `name`, `language_code`, and one of `text`, `photo` (base64, with an optional `text`), `edit` (a message
    id, with `text`), `blocked` (true or false).
    """

    async def chat(request: Request) -> Response:
        id = request.path_params["id"]
        if request.method == "GET":
            return JSONResponse(world.sent_to(id))
        return JSONResponse(_done(world, id, json.loads(await request.body())))

    return [Route("/chats/{id:int}", chat, methods=["GET", "POST"])]


def _done(world: World, id: int, wish: dict[str, Any]) -> dict[str, Any]:
    first, _, last = str(wish.get("name", "Guest")).partition(" ")
    person = world.meet(id, first, last, str(wish.get("language_code", "en")))
    text = str(wish.get("text", ""))
    if "blocked" in wish:
        world.blocks(person, bool(wish["blocked"]))
        return {}
    if "edit" in wish:
        world.edits(person, int(wish["edit"]), text)
        return {}
    if "photo" in wish:
        kept = world.keeps("photo.jpg", base64.b64decode(wish["photo"]))
        photo = [{**kept, "width": 800, "height": 600}]
        said = world.says(person, photo=photo, caption=text) if text else world.says(person, photo=photo)
        return {"message_id": said}
    return {"message_id": world.says(person, text)}
