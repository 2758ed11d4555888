"""An object store in memory, whose objects change when a test says so."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from fp_kernel import Unavailable
from fp_registry.adapters.objects import examine
from fp_registry.app.ports import Upload, UploadChanged
from fp_registry.domain.artifact import Measured, content_key


class MemoryArtifacts:
    """`app.ports.Artifacts`. away: every call but the URLs fails. on_measured: runs between measuring and adopting."""

    def __init__(self, on_measured: Callable[[], None] = lambda: None) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = False
        self.on_measured = on_measured

    def upload_url(self, key: str, ttl: timedelta) -> str:
        return f"memory://put/{key}?seconds={ttl.total_seconds():g}"

    def download_url(self, key: str, ttl: timedelta) -> str:
        return f"memory://get/{key}?seconds={ttl.total_seconds():g}"

    async def look(self, key: str) -> Upload | None:
        self._check()
        content = self.objects.get(key)
        return Upload(_etag(content), len(content)) if content is not None else None

    async def measure(self, key: str, upload: Upload, *, served: bool) -> Measured:
        content = self._insist(key, upload)
        flaw, ensemble = examine([content], len(content)) if served else ("", None)
        measured = Measured(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), flaw, ensemble)
        self.on_measured()
        return measured

    async def adopt(self, key: str, upload: Upload, measured: Measured) -> None:
        self.objects[content_key(measured.digest)] = self._insist(key, upload)

    async def discard(self, key: str) -> None:
        if not self.away:
            self.objects.pop(key, None)

    async def delete(self, keys: Sequence[str]) -> None:
        self._check()
        for key in keys:
            self.objects.pop(key, None)

    def _insist(self, key: str, upload: Upload) -> bytes:
        self._check()
        content = self.objects.get(key)
        if content is None or _etag(content) != upload.etag:
            raise UploadChanged
        return content

    def _check(self) -> None:
        if self.away:
            raise Unavailable("the object store does not answer")


def _etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
