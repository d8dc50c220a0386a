"""Small pictures of images, made once and kept beside them."""

import asyncio
import hashlib
import io

from runtime.errors import NotFound
from runtime.objects import THUMBED, Objects, media_type

SIDE = 320
MAX_PIXELS = 50_000_000
"""A picture of more pixels is not opened: a few kilobytes may unfold to gigabytes."""
_AT_ONCE = 1
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class Pictures:
    """Makes thumbnails beside the loop, one at a time: each may take a second and 200 MB."""

    def __init__(self, objects: Objects, max_bytes: int) -> None:
        self._objects = objects
        self._max_bytes = max_bytes
        self._drawing = asyncio.Semaphore(_AT_ONCE)

    async def thumbnail(self, ref: str) -> str:
        """The ref of an image's thumbnail. Raises NotFound for what is no image, or too large a one; TooLarge likewise."""
        small = f"thumbnails/{hashlib.sha256(ref.encode()).hexdigest()}.webp"
        if await self._objects.size(small) is not None:
            return small
        async with self._drawing:
            content = await self._objects.get(ref, self._max_bytes)
            await self._objects.put(small, await asyncio.to_thread(draw, content))
        return small


def draw(content: bytes) -> bytes:
    """A WebP of at most 320 pixels a side, turned as its camera was held. Raises NotFound."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - only who looks at pictures pays for it

    if media_type(content) not in THUMBED:
        raise NotFound("not an image that can be shown")
    # Pillow's own check would only warn; ours stands below, before anything is unfolded.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise NotFound("the image has too many pixels")
            image.draft("RGB", (SIDE * 2, SIDE * 2))
            turned = ImageOps.exif_transpose(image)
            turned.thumbnail((SIDE, SIDE))
            out = io.BytesIO()
            turned.convert("RGBA" if "A" in turned.getbands() or "transparency" in turned.info else "RGB").save(
                out, "WEBP", quality=80
            )
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, MemoryError) as error:
        raise NotFound("not an image that can be shown") from error
    return out.getvalue()
