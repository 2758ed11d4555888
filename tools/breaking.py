"""Whether the protos break whoever was built from those before.

    python tools/breaking.py

Compares with the protos of the newest commit on main before the change: where a branch left main; on main itself the
commit under the work that is not committed, or the one before the last. The committed image is of the change itself,
and whoever breaks an API commits a new one with it: it serves only where there is no history, as in a clone of one
commit.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUF = Path(sys.executable).parent / "buf"
IMAGE = "proto/image.binpb"
WHAT = ("proto", "buf.yaml")
MAIN = ("origin/main", "main")


def base(root: Path) -> str | None:
    """The commit to compare with; None where there is none before the change."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None
    for name in MAIN:
        found = _git(root, "merge-base", "HEAD", name)
        if found and found != head:
            return found
    if _git(root, "status", "--porcelain", "--", "proto"):
        return head
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD~1")


def compare(root: Path) -> tuple[str, subprocess.CompletedProcess[str]]:
    """With what, and what buf says."""
    commit = base(root)
    if commit is None:
        return f"{IMAGE}, since there is no commit before", _buf(root, IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        present = [name for name in WHAT if _git(root, "cat-file", "-e", f"{commit}:{name}") is not None]
        archive = subprocess.run(["git", "archive", commit, *present], cwd=root, capture_output=True, check=True)  # noqa: S607
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        return commit, _buf(root, folder)


def _buf(root: Path, against: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(BUF), "breaking", "--against", against], cwd=root, capture_output=True, text=True, check=False
    )


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers; None when it refuses, or is not there."""
    try:
        result = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def main() -> int:
    against, result = compare(ROOT)
    print(f"compared with {against}")
    print(result.stdout, result.stderr, sep="")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
