"""A model whose weights lie in other files, as one artifact: a tar of `model.onnx` and then of those files (ADR 0218),
or one with samples to try it with, `warm-up.json` behind the model (ADR 0239).

Only what `pack` writes is read: plain files under plain names, in the oldest form of a tar, whose cost is known.
"""

import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from fp_kernel.warm_ups import MOST_BYTES as MOST_WARM_UP_BYTES

from fp_onnx.graph import Model
from fp_onnx.reader import read_model
from fp_onnx.servable import MAX_FILE_BYTES
from fp_onnx.wire import Unreadable

MODEL: Final = "model.onnx"
WARM_UP: Final = "warm-up.json"
MOST_FILES: Final = 1_000
_OWN: Final = {MODEL: "model itself is", WARM_UP: "samples are"}
_BLOCK: Final = 512
_MAGIC: Final = slice(257, 262)
_NAME: Final = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*", re.ASCII)
_LONGEST_NAME: Final = 100
_SIZE: Final = re.compile(rb"[0-7]{1,11}")
_LARGEST: Final = 8**11 - 1
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artifact:
    """files: sizes of what lies beside the model, by name; none for a model that is one file. warm_up: samples."""

    model: Model
    files: Mapping[str, int] = field(default_factory=dict)
    warm_up: bytes | None = None


def read_artifact(pieces: Iterable[bytes], *, with_nodes: bool = True) -> Artifact:
    """As `read_model`, of a file or of a bundle. Raises Unreadable."""
    source = _Source(pieces)
    first = source.take(_BLOCK)
    if not _is_bundle(first):
        return Artifact(read_model(chain([first], source.pieces()), with_nodes=with_nodes))
    model: Model | None = None
    warm_up: bytes | None = None
    files: dict[str, int] = {}
    for name, size in _members(source, first):
        if model is not None and name == WARM_UP:
            warm_up = _warm_up(source, size)
        elif model is not None:
            files[name] = size
        elif name != MODEL or size > MAX_FILE_BYTES:
            raise Unreadable(f"its first file must be {MODEL} of at most {MAX_FILE_BYTES} bytes")
        else:
            model = read_model(source.pieces(), with_nodes=with_nodes)
    if model is None:
        raise Unreadable("it holds no file")
    unused = sorted(files.keys() - model.files)
    if unused:
        raise Unreadable(f"it holds the file {unused[0]}, which the model does not name")
    return Artifact(model, files, warm_up)


def warm_up_of(artifact: Path) -> bytes | None:
    """The samples that lie in a bundle. Raises Unreadable, OSError."""
    with artifact.open("rb") as file:
        source = _Source(iter(lambda: file.read(_PIECE), b""))
        first = source.take(_BLOCK)
        for name, size in _members(source, first) if _is_bundle(first) else ():
            if name == WARM_UP:
                return _warm_up(source, size)
    return None


def unpack(artifact: Path, folder: Path) -> Path:
    """The model's file: the artifact itself, or that of a bundle, which is written into the folder.

    Raises Unreadable, OSError.
    """
    with artifact.open("rb") as file:
        source = _Source(iter(lambda: file.read(_PIECE), b""))
        first = source.take(_BLOCK)
        if not _is_bundle(first):
            return artifact
        for name, _ in _members(source, first):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                for piece in source.pieces():
                    copy.write(piece)
    return folder / MODEL


def pack(model: bytes, files: Mapping[str, Path], warm_up: bytes | None = None) -> bytes:
    """Equal files give equal bytes. Raises Unreadable for files that `read_artifact` would not take, OSError."""
    parts: list[bytes] = []
    own = [(MODEL, model)] if warm_up is None else [(MODEL, model), (WARM_UP, warm_up)]
    if len(files) + len(own) > MOST_FILES:
        raise Unreadable(f"it names {len(files)} files, a bundle holds {MOST_FILES} with {MODEL}")
    for name in sorted(files):
        if not _fits(name):
            raise Unreadable(
                f"it names the file {name!r}; plain names of at most {_LONGEST_NAME} characters are served"
            )
        if name in {MODEL, WARM_UP}:
            raise Unreadable(f"it names the file {name}, as the {_OWN[name]} called in a bundle")
        if files[name].stat().st_size > _LARGEST:
            raise Unreadable(f"its file {name} is larger than {_LARGEST} bytes")
    for name, content in chain(own, ((name, files[name].read_bytes()) for name in sorted(files))):
        parts += _member(name, content)
    return b"".join([*parts, bytes(2 * _BLOCK)])


def with_warm_up(artifact: bytes, warm_up: bytes) -> bytes:
    """A bundle of the model, or the bundle that it is, with samples. Raises Unreadable."""
    if not _is_bundle(artifact[:_BLOCK]):
        return pack(artifact, {}, warm_up)
    _, size = next(_members(_Source([artifact[_BLOCK:]]), artifact[:_BLOCK]))
    end = _BLOCK + size + -size % _BLOCK
    return b"".join([artifact[:end], *_member(WARM_UP, warm_up), artifact[end:]])


def _member(name: str, content: bytes) -> list[bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return [info.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % _BLOCK)]


def _warm_up(source: "_Source", size: int) -> bytes:
    if size > MOST_WARM_UP_BYTES:
        raise Unreadable(f"its {WARM_UP} has {size} bytes, at most {MOST_WARM_UP_BYTES} are taken")
    return b"".join(source.pieces())


def _is_bundle(first: bytes) -> bool:
    return len(first) == _BLOCK and first[_MAGIC] == b"ustar"


def _fits(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def _members(source: "_Source", header: bytes) -> Iterator[tuple[str, int]]:
    """Name and size of each file; its content is what the source has left, and what nobody reads is skipped."""
    seen: set[str] = set()
    while any(header):
        name = header[:_LONGEST_NAME].rstrip(b"\0").decode("ascii", "replace")
        size = _SIZE.match(header[124:136])
        if len(header) < _BLOCK or header[156:157] not in {b"0", b"\0"} or not _fits(name) or size is None:
            raise Unreadable("it is no tar of plain files with plain names")
        if name in seen or len(seen) >= MOST_FILES:
            raise Unreadable(f"it holds {name} twice" if name in seen else f"it holds more than {MOST_FILES} files")
        seen.add(name)
        source.left = int(size[0], 8)
        padding = -source.left % _BLOCK
        yield name, source.left
        for _ in source.pieces():
            continue
        if source.left:
            raise Unreadable(f"it ends in the middle of {name}")
        source.take(padding)
        header = source.take(_BLOCK)


class _Source:
    """Bytes that come in pieces. left: that `pieces` still gives; none for all there are."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = memoryview(b"")
        self.left: int | None = None

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        parts: list[memoryview] = []
        while count and (self._held or self._more()):
            parts.append(self._held[:count])
            self._held = self._held[count:]
            count -= len(parts[-1])
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes | memoryview]:
        while self.left != 0 and (self._held or self._more()):
            piece = self._held if self.left is None else self._held[: self.left]
            self._held = self._held[len(piece) :]
            if self.left is not None:
                self.left -= len(piece)
            yield piece

    def _more(self) -> bool:
        self._held = memoryview(next(self._pieces, b""))
        return bool(self._held)
