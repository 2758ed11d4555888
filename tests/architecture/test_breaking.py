"""A change that breaks an API is found, however it was committed."""

import subprocess
from pathlib import Path

import pytest
from breaking import BUF, IMAGE, base, compare

BEFORE = 'syntax = "proto3";\npackage things.v1;\nmessage Thing {\n  string id = 1;\n  string name = 2;\n}\n'
BROKEN = BEFORE.replace("  string name = 2;\n", "")
CONFIG = "version: v2\nmodules:\n  - path: proto\nbreaking:\n  use:\n    - FILE\n"


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(root: Path, text: str) -> None:
    """The proto, and the image of it, as whoever changes it commits them."""
    (root / "proto" / "things.proto").write_text(text)
    subprocess.run([BUF, "build", "-o", IMAGE], cwd=root, check=True)


def commit(root: Path, text: str) -> str:
    write(root, text)
    git(root, "add", "-A")
    git(root, "commit", "--allow-empty", "-q", "-m", "change")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    (root / "proto").mkdir(parents=True)
    (root / "buf.yaml").write_text(CONFIG)
    git(root, "init", "-q", "-b", "main")
    commit(root, BEFORE)
    return root


def refused(root: Path) -> bool:
    _, result = compare(root)
    assert result.returncode in {0, 100}, result.stderr
    return result.returncode == 100


def test_a_branch_is_compared_with_where_it_left_main_although_its_own_image_is_new(repository):
    git(repository, "checkout", "-q", "-b", "change")
    commit(repository, BROKEN)
    commit(repository, BROKEN)
    assert refused(repository)


def test_what_is_not_committed_on_main_is_compared_with_its_last_commit(repository):
    commit(repository, BEFORE)
    write(repository, BROKEN)
    assert base(repository) == git(repository, "rev-parse", "HEAD")
    assert refused(repository)


def test_a_fresh_clone_of_one_branch_is_compared_with_the_commit_before(repository, tmp_path):
    commit(repository, BROKEN)
    git(tmp_path, "clone", "-q", "--single-branch", f"file://{repository}", "clone")
    assert refused(tmp_path / "clone")


def test_a_clone_of_one_commit_is_compared_with_the_image_and_says_so(repository, tmp_path):
    commit(repository, BROKEN)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    against, result = compare(tmp_path / "clone")
    assert against.startswith(IMAGE)
    assert result.returncode == 0


def test_a_change_that_only_adds_passes(repository):
    commit(repository, BEFORE.replace("}", "  string more = 100;\n}"))
    assert not refused(repository)
