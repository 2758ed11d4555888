"""Images without a registry and without a builder: one layer, in the archive that `docker save` writes."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layout import HERE, Layout

PAUSE = "registry.k8s.io/pause:3.10"
NOBODY = "65532:65532"
_PATH = "PATH=/app/bin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """contents: what lies where, by its path in the image; a folder with all that is in it."""

    name: str
    entrypoint: Sequence[str]
    contents: Mapping[str, Path]
    user: str = NOBODY
    environment: Sequence[str] = field(default_factory=tuple)


def write(image: Image, archive: Path) -> None:
    """The same contents give the same bytes: names in order, no times, root as owner."""
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as tar:
        for place, source in image.contents.items():
            _add(tar, source, place.strip("/"))
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    config = json.dumps(_config(image, digest)).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image.name], "Layers": [f"{digest}.tar"]}]
    draft = archive.with_suffix(".draft")
    with tarfile.open(draft, "w", format=tarfile.GNU_FORMAT) as tar:
        _put(tar, name, config)
        tar.add(layer, f"{digest}.tar", filter=_clean)
        _put(tar, "manifest.json", json.dumps(manifest).encode())
    layer.unlink()
    draft.rename(archive)


def _config(image: Image, digest: str) -> dict[str, object]:
    runs = {"User": image.user, "Env": [_PATH, *image.environment], "Entrypoint": list(image.entrypoint)}
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    # Builders refuse a base whose layers nobody made.
    history = [{"created": "1970-01-01T00:00:00Z", "created_by": "forgepoint"}]
    return {"architecture": "amd64", "os": "linux", "config": runs, "rootfs": rootfs, "history": history}


def _add(tar: tarfile.TarFile, source: Path, place: str) -> None:
    if source.is_dir() and not source.is_symlink():
        for entry in sorted(source.iterdir()):
            tar.add(entry, f"{place}/{entry.name}".strip("/"), filter=_clean)
    else:
        tar.add(source.resolve(), place, filter=_clean)


def _clean(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    return entry


def _put(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def make_own(layout: Layout) -> list[Path]:
    """Of what the cluster itself runs; those that are older than their program are made anew."""
    layout.images.mkdir(parents=True, exist_ok=True)
    archives = [compiled(layout, "pause", PAUSE)]
    for name, user in (("coredns", NOBODY), ("metrics-server", NOBODY), ("netpol", "0:0")):
        archive, program = layout.images / f"{name}.tar", layout.programs / name
        if not archive.is_file() or archive.stat().st_mtime < program.stat().st_mtime:
            write(Image(f"forgepoint.local/{name}:1", [f"/{name}"], {f"/{name}": program}, user), archive)
        archives.append(archive)
    return archives


def compiled(layout: Layout, source: str, name: str) -> Path:
    """An image of one static program in C, made anew when its source is newer."""
    archive, code = layout.images / f"{source}.tar", HERE / f"{source}.c"
    if not archive.is_file() or archive.stat().st_mtime < code.stat().st_mtime:
        program = layout.images / source
        compiler = shutil.which("cc") or "gcc"
        subprocess.run([compiler, "-Os", "-static", "-s", "-Wall", "-o", program, code], check=True)
        write(Image(name, [f"/{source}"], {f"/{source}": program}), archive)
        program.unlink()
    return archive
