"""Advisory locks on files; the kernel releases them when their holder ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path

from fp_devstack.failures import FolderInUse

_POLL_SECONDS = 0.02


def acquire(path: Path, *, patience: float = 0.0) -> int:
    """Takes the lock and gives its descriptor; closing it releases the lock unless a child holds it too.

    patience: seconds to wait for a holder that is just ending.
    Raises FolderInUse when another process keeps it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise FolderInUse(f"{path.parent} is in use by another running process (lock {path.name})") from None
            time.sleep(_POLL_SECONDS)
        else:
            return descriptor
