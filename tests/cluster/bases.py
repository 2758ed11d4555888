"""What the images of tests stand on: Debian's Python with its libraries, no shell and no package manager."""

import shutil
import subprocess
from pathlib import Path

import images
from layout import Layout

BASE, SHELL_BASE, BUILD_BASE = (f"forgepoint.local/{name}:1" for name in ("base", "shell-base", "build-base"))
# Of the base: what Python and compiled wheels are linked against. Whatever a wheel lacks fails at its first import.
_KEPT = (
    *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libbz2-1.0", "liblzma5", "libexpat1", "libffi8", "libssl3"),
    *("libsqlite3-0", "libuuid1", "libcrypt1", "libtinfo6", "libncursesw6", "libreadline8", "media-types", "netbase"),
    *("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "python3.11", "libpython3.11-stdlib", "tzdata"),
)
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/locale", "usr/share/bug")
# Written by scripts of packages when they are installed.
_WRITTEN = ("etc/ssl/certs/ca-certificates.crt", "etc/ld.so.cache")
# Of libc-bin: what initdb of Postgres is told to take.
_LOCALE = "usr/lib/locale/C.utf8"
_MERGED = ("bin", "sbin", "lib", "lib64")
# Also the name of the user: initdb of Postgres asks for it.
_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def make(layout: Layout) -> list[Path]:
    """Archives of all three; made once, since a release of Debian changes by its security updates alone."""
    archives = {name: layout.images / f"{name}.tar" for name in ("base", "shell-base", "build-base")}
    # The last one is written when all is done.
    if not archives["shell-base"].is_file():
        layout.images.mkdir(parents=True, exist_ok=True)
        whole, small = layout.home / "debian", layout.home / "base"
        _bootstrap(whole)
        _reduce(whole, small)
        images.write(images.Image(BASE, ["/usr/bin/python3"], {"/": small}), archives["base"])
        images.write(images.Image(BUILD_BASE, ["/usr/bin/python3"], {"/": whole}, user="0:0"), archives["build-base"])
        # What a program of somebody else starts others by.
        _copy(whole, small, "usr/bin/dash")
        (small / "usr/bin/sh").symlink_to("dash")
        images.write(images.Image(SHELL_BASE, ["/usr/bin/python3"], {"/": small}), archives["shell-base"])
        shutil.rmtree(small)
        shutil.rmtree(whole)
    return list(archives.values())


def _bootstrap(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    asked = ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)"]
    mirror, release = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[:2]
    wanted = "--include=python3-venv,ca-certificates,tzdata,media-types,netbase"
    command = ["nice", "debootstrap", "--variant=minbase", wanted, release, str(folder), mirror]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _reduce(whole: Path, small: Path) -> None:
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    for name in _MERGED:
        (small / name).symlink_to(f"usr/{name}")
        (small / "usr" / name).mkdir(parents=True)
    for package in _KEPT:
        for path in _listed(whole, package):
            _copy(whole, small, path)
    for path in (*_WRITTEN, *(path for path in _listed(whole, "libc-bin") if path.startswith(_LOCALE))):
        _copy(whole, small, path)
    for path, text in _FILES.items():
        (small / path).write_text(text)
    (small / "tmp").mkdir()
    (small / "tmp").chmod(0o1777)


def _listed(whole: Path, package: str) -> list[str]:
    """Files of the package, where a merged /usr has them."""
    [names] = [*whole.glob(f"var/lib/dpkg/info/{package}.list"), *whole.glob(f"var/lib/dpkg/info/{package}:*.list")]
    paths = [line.strip("/") for line in names.read_text().splitlines()]
    merged = (f"usr/{path}" if path.split("/")[0] in _MERGED else path for path in paths)
    return [path for path in merged if path and not path.startswith(_LEFT_OUT)]


def _copy(whole: Path, small: Path, path: str) -> None:
    source, target = whole / path, small / path
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink() and not target.exists():
        shutil.copy2(source, target, follow_symlinks=False)
