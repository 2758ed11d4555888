"""Small files that must be private and never half-written."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

PRIVATE = 0o600
_LOG_BYTES = 16 * 1024 * 1024


def make_data_folder(path: Path) -> None:
    """Creates it unless it exists. Under root others may pass through, because postgres runs as `nobody` then; every
    file and folder within is private.
    """
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step; readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; an absent file is an empty object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict):
        raise TypeError(f"{path} does not hold a JSON object")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def tail(path: Path, *, after: int = 0, lines: int = 12, limit: int = 16_384) -> str:
    """The end of a log for an error message; at most `limit` bytes, none of them before byte `after`."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, after, file.tell() - limit))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def rotate(path: Path, *, limit: int = _LOG_BYTES) -> int:
    """Moves a log that has grown over `limit` aside, to `<name>.1`; gives the size of the one that will be used."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    if size < limit:
        return size
    path.replace(path.with_name(f"{path.name}.1"))
    return 0


def copy_aside(path: Path, *, limit: int = _LOG_BYTES) -> bool:
    """For a log that its writer holds open to append to it: a grown one is copied to `<name>.1` and emptied.

    The writer goes on at the new beginning. What it writes between the copy and the emptying is lost. Where the disk
    has no room for the copy the log is emptied all the same, or the disk would stay full.
    """
    try:
        if path.stat().st_size < limit:
            return False
        with suppress(OSError):
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            path.with_name(f"{path.name}.1").chmod(PRIVATE)
        os.truncate(path, 0)
    except FileNotFoundError:
        return False
    return True
