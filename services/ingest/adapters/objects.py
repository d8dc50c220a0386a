"""Attachments in an object store: a folder on this machine, or S3 and its like by URL."""

from collections.abc import Sequence

import obstore
from obstore.store import LocalStore, from_url

from channels.base import FileFound
from runtime.settings import Settings


class Objects:
    """Stores files under their `ref`. The same content has the same ref, so that a repeat changes nothing."""

    def __init__(self, settings: Settings) -> None:
        if settings.object_store_url:
            self._store = from_url(settings.object_store_url)
        else:
            folder = settings.data_dir.absolute() / "objects"
            folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(prefix=folder)

    async def put(self, files: Sequence[FileFound]) -> None:
        """Return once all are stored."""
        for file in files:
            await obstore.put_async(self._store, file.attachment.ref, file.content)
