"""The platform's images, by the Dockerfile and buildah: no daemon, no registry, no pull."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bases
from layout import ROOT, Layout

_DOCKER = ROOT / "deploy" / "docker"
_IGNORED = _DOCKER / "Dockerfile.dockerignore"
# What the recipe reads of the tree; the same names stand in the file above.
_READ = ("LICENSE", "cli", "deploy", "examples", "gen/python", "libs", "pyproject.toml", "services", "uv.lock")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_REGISTRY = "forgepoint.local"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A line of images.txt."""

    name: str
    package: str
    module: str

    @property
    def image(self) -> str:
        return f"{_REGISTRY}/{self.name}:{version()}"


def recipes() -> list[Recipe]:
    lines = (_DOCKER / "images.txt").read_text().splitlines()
    return [Recipe(*line.split()) for line in lines if line and not line.startswith("#")]


def archive(layout: Layout) -> Path:
    """All images as one archive, for the node; built when the tree is not as it was at the last time."""
    target, stamp = layout.images / "platform.tar", layout.images / "platform.digest"
    wanted = _digest_of_the_tree()
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "images.lock").open("w") as lock:
        # Two at once would make the same base twice, one over the other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target.is_file() and stamp.is_file() and stamp.read_text() == wanted):
            for recipe in recipes():
                build(layout, recipe)
            _pack(layout, target)
            stamp.write_text(wanted)
    return target


def build(layout: Layout, recipe: Recipe, *, cached: bool = True) -> str:
    """The digest of its image. cached: layers of earlier builds are taken, whose names then stand in its history."""
    print(f"building {recipe.name}", flush=True)
    load_bases(layout)
    trusted = ["--volume", f"{_AUTHORITIES}:{_AUTHORITIES}:ro", "--build-arg", f"SSL_CERT_FILE={_AUTHORITIES}"]
    arguments = {
        "BASE": _base(recipe),
        "BUILD_BASE": bases.BUILD_BASE,
        "PACKAGE": recipe.package,
        "MODULE": recipe.module,
        "VERSION": version(),
    }
    _buildah(
        layout,
        *(
            "bud",
            "--quiet",
            "--isolation",
            "chroot",
            "--pull-never",
            f"--layers={str(cached).lower()}",
            "--timestamp",
            "0",
        ),
        *(part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")),
        *(*trusted, "--ignorefile", str(_IGNORED), "--file", str(_DOCKER / "Dockerfile")),
        *("--tag", recipe.image, str(ROOT)),
    )
    return digest(layout, recipe)


def digest(layout: Layout, recipe: Recipe) -> str:
    return _buildah(layout, "inspect", "--type", "image", "--format", "{{.FromImageID}}", recipe.image).strip()


def inspected(layout: Layout, recipe: Recipe) -> str:
    """As JSON."""
    return _buildah(layout, "inspect", "--type", "image", recipe.image)


@contextmanager
def mounted(layout: Layout, recipe: Recipe) -> Iterator[Path]:
    """What is in the image."""
    container = _buildah(layout, "from", "--pull-never", recipe.image).strip()
    try:
        yield Path(_buildah(layout, "mount", container).strip())
    finally:
        _buildah(layout, "rm", container)


def compressed_bytes(layout: Layout, recipe: Recipe) -> int:
    """Of all layers by gzip, as a registry has them."""
    with tempfile.TemporaryDirectory(dir=layout.home) as folder:
        _buildah(layout, "push", "--quiet", "--disable-compression", recipe.image, f"dir:{folder}")
        manifest = json.loads(Path(folder, "manifest.json").read_text())
        layers = [Path(folder, layer["digest"].removeprefix("sha256:")) for layer in manifest["layers"]]
        return sum(_compressed(layer) for layer in layers)


def _compressed(file: Path) -> int:
    packer, size = zlib.compressobj(6), 0
    with file.open("rb") as content:
        while chunk := content.read(1 << 20):
            size += len(packer.compress(chunk))
    return size + len(packer.flush())


def _pack(layout: Layout, target: Path) -> None:
    """One layout of OCI: what images share is in it once."""
    folder, draft = layout.home / "oci", target.with_suffix(".draft")
    shutil.rmtree(folder, ignore_errors=True)
    for recipe in recipes():
        _buildah(layout, "push", "--quiet", "--disable-compression", recipe.image, f"oci:{folder}:{recipe.image}")
    with tarfile.open(draft, "w") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, file.name)
    draft.rename(target)
    shutil.rmtree(folder)


def load_bases(layout: Layout) -> None:
    for name, each in zip((bases.BASE, bases.SHELL_BASE, bases.BUILD_BASE), bases.make(layout), strict=True):
        if not _buildah(layout, "images", "--quiet", "--filter", f"reference={name}").strip():
            _buildah(layout, "pull", "--quiet", "--policy", "never", f"docker-archive:{each}")


def _base(recipe: Recipe) -> str:
    return bases.SHELL_BASE if recipe.name == "stores" else bases.BASE


def _buildah(layout: Layout, *arguments: str) -> str:
    """What it prints. Raises CalledProcessError; what it complains of goes through."""
    home = layout.home / "buildah"
    home.mkdir(parents=True, exist_ok=True)
    policy = home / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    command, *rest = arguments
    signed = ["--signature-policy", str(policy)] if command in {"bud", "from", "pull", "push"} else []
    stores: Sequence[str] = (
        "--root",
        str(home / "root"),
        "--runroot",
        str(home / "run"),
        "--storage-driver",
        "overlay",
    )
    whole = ["nice", "-n", "10", "buildah", *stores, command, *signed, *rest]
    return subprocess.run(whole, stdout=subprocess.PIPE, text=True, check=True).stdout


def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def _digest_of_the_tree() -> str:
    digest = hashlib.sha256()
    for path in _files():
        digest.update(f"{path}\0".encode())
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[str]:
    """Also those that nobody has committed yet."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_READ]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    yield from (
        name
        for name in sorted(set(names))
        if name and "/tests/" not in name and not name.startswith("deploy/charts/") and (ROOT / name).is_file()
    )
