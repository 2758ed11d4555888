"""The folder into which a bundle is unpacked while its model is loaded."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".bundle-"


@contextmanager
def folder_beside(artifact: Path) -> Iterator[Path]:
    """A folder that goes at the end. Those of killed processes go first, or a runtime that runs out of memory at each
    start would fill the disk; a lock, which ends with its process, tells that nobody loads from here.
    """
    place = artifact.parent
    lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in place.glob(f"{_PREFIX}*"):
                shutil.rmtree(left, ignore_errors=True)
        fcntl.flock(lock, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as folder:
            yield Path(folder)
    finally:
        os.close(lock)
