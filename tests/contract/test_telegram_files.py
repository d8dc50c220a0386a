"""Files of customers, fetched from the Bot API."""

import json

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.telegram.fetching import TelegramFetcher
from runtime.errors import NotFound, TooLarge, Transient
from tests.contract.telegram_side import Served, Side, picture
from tests.local_parts import free_port


async def test_a_file_is_fetched_by_its_id_within_the_limit(side: Side) -> None:
    content = picture()
    kept = side.world.keeps("photo.jpg", content)
    huge = side.world.keeps("film.mp4", b"\0" * (20 * 1024 * 1024 + 1))
    fetcher = TelegramFetcher(side.form)
    assert await fetcher.fetch(kept["file_id"], 1_000_000) == content
    for locator, limit, error in (
        (kept["file_id"], 10, TooLarge),
        (huge["file_id"], 10**9, TooLarge),
        ("gone", 100, NotFound),
    ):
        with pytest.raises(error):
            await fetcher.fetch(locator, limit)
    await fetcher.close()
    away = TelegramFetcher(side.form.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"}))
    with pytest.raises(Transient):
        await away.fetch(kept["file_id"], 100)
    await away.close()


async def test_a_download_that_says_one_size_and_has_another_is_cut(side: Side) -> None:
    kept = side.world.keeps("a.bin", b"x" * 500_000)
    name, content = side.world.files[kept["file_id"]]

    async def small(request: Request) -> Response:
        return Response(json.dumps({"ok": True, "result": {**kept, "file_size": 5, "file_path": "files/a"}}).encode())

    async def big(request: Request) -> Response:
        return Response(content)

    routes: list[BaseRoute] = [Route("/bot{token}/getFile", small, methods=["POST"]), Route("/file/{path:path}", big)]
    async with Served(routes) as url:
        fetcher = TelegramFetcher(side.form.model_copy(update={"base_url": url}))
        with pytest.raises(TooLarge):
            await fetcher.fetch(kept["file_id"], 1_000)
        await fetcher.close()
    assert name == "a.bin"
