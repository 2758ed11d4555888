"""Artifacts on this machine, named by their digest."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from fp_kernel import InvalidArgument
from fp_kernel.ensembles import FIRST, MOST_BYTES, Ensemble, read
from fp_telemetry import get_logger

from fp_serving.adapters.byte_gate import ByteGate
from fp_serving.adapters.download import download
from fp_serving.app.slot import VersionFacts
from fp_serving.domain.lifecycle import LoadFailed, WrongDigest

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MODEL = "model.onnx"
_STALE_SECONDS = 3_600.0
_CHUNK = 1024 * 1024

_log = get_logger(__name__)


class ArtifactCache:
    """Processes may share the folder: what is in it appears whole or not at all.

    max_artifact_bytes: of one artifact, and of all that are fetched at the same time. max_bytes: of all; the least
    recently used go. ca_file: see `download`.
    """

    def __init__(self, folder: Path, *, max_artifact_bytes: int, max_bytes: int, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._folder = folder
        self._max_artifact_bytes = max_artifact_bytes
        self._max_bytes = max_bytes
        self._fetching = ByteGate(max_artifact_bytes)

    async def recall(self, version_id: str) -> VersionFacts | None:
        return await asyncio.to_thread(self._recall, version_id)

    async def remember(self, facts: VersionFacts) -> None:
        await asyncio.to_thread(self._remember, facts)

    async def find(self, digest: str) -> Path | None:
        return await asyncio.to_thread(self._find, digest)

    async def ensemble(self, path: Path) -> Ensemble | None:
        return await asyncio.to_thread(_ensemble, path)

    async def fetch(self, facts: VersionFacts, url: Callable[[], Awaitable[str]]) -> Path:
        if facts.size_bytes > self._max_artifact_bytes:
            raise LoadFailed(f"artifact has {facts.size_bytes} bytes, this runtime loads {self._max_artifact_bytes}")
        # Of hundreds of loads that were begun at once as many downloads would fill the disk before one is loaded.
        async with self._fetching.hold(facts.size_bytes):
            return await self._fetched(facts, url)

    async def _fetched(self, facts: VersionFacts, url: Callable[[], Awaitable[str]]) -> Path:
        # Behind the wait: a presigned URL ends.
        source = await url()
        part = await asyncio.to_thread(self._part)
        try:
            measured = await download(source, part, limit=self._max_artifact_bytes, ca_file=self._ca_file)
            if measured != _hex(facts.digest):
                raise WrongDigest(f"artifact digest is sha256:{measured}, the registry says {facts.digest}")
            return await asyncio.to_thread(self._store, part, facts.digest)
        finally:
            part.unlink(missing_ok=True)

    def _recall(self, version_id: str) -> VersionFacts | None:
        try:
            return VersionFacts(**json.loads(self._note(version_id).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _remember(self, facts: VersionFacts) -> None:
        note = self._note(facts.version_id)
        note.parent.mkdir(parents=True, exist_ok=True)
        part = self._part()
        part.write_text(json.dumps(asdict(facts)))
        part.replace(note)

    def _find(self, digest: str) -> Path | None:
        path = self._path(digest)
        try:
            found = _digest(path)
        except OSError:
            return None
        if found != _hex(digest):
            _log.warning("cached artifact is damaged", digest=digest)
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        return path

    def _store(self, part: Path, digest: str) -> Path:
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
        self._evict(path)
        return path

    def _evict(self, newest: Path) -> None:
        """A loaded model does not need its file any more, so that any but the newest may go."""
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._artifacts())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_bytes:
                break
            if path != newest:
                # With what a process left in it that was killed while it loaded a bundle.
                shutil.rmtree(path.parent, ignore_errors=True)
                total -= size
        self._forget()

    def _forget(self) -> None:
        """Notes of versions whose artifact is gone help nobody and would grow for ever."""
        for note in (self._folder / "versions").glob("*.json"):
            with suppress(OSError, ValueError, TypeError, KeyError):
                if not self._path(json.loads(note.read_text())["digest"]).exists():
                    note.unlink(missing_ok=True)

    def _artifacts(self) -> list[Path]:
        return list((self._folder / "sha256").glob(f"*/{_MODEL}"))

    def _part(self) -> Path:
        """A file of our own on the same file system; those that a killed process left behind go."""
        parts = self._folder / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        for old in parts.iterdir():
            if time.time() - old.stat().st_mtime > _STALE_SECONDS:
                old.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=parts)
        os.close(handle)
        return Path(name)

    def _path(self, digest: str) -> Path:
        # A folder for each artifact: a model may name files beside it, and must find none.
        return self._folder / "sha256" / _hex(digest) / _MODEL

    def _note(self, version_id: str) -> Path:
        return self._folder / "versions" / f"{hashlib.sha256(version_id.encode()).hexdigest()}.json"


def _ensemble(path: Path) -> Ensemble | None:
    try:
        with path.open("rb") as file:
            content = file.read(len(FIRST))
            if content != FIRST:
                return None
            return read(content + file.read(MOST_BYTES))
    except (InvalidArgument, OSError) as error:
        raise LoadFailed(f"not an ensemble that can be loaded: {error}") from None


def _hex(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise LoadFailed(f"digest {digest!r} is not sha256:<hex>")
    return match[1]


def _digest(path: Path) -> str:
    measured = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            measured.update(chunk)
    return measured.hexdigest()
