"""Socket paths of any length: the kernel's address holds 107 bytes, a data folder may be deeper than that."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fp_kernel.errors import FailedPrecondition

_LIMIT = 107 if os.uname().sysname == "Linux" else 103
_DESCRIPTORS = Path("/proc/self/fd")


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A text that binds or connects to `path` while the context is open.

    Raises FailedPrecondition when the path is too long and the system offers no way around it, and OSError when its
    folder is absent.
    """
    if len(os.fsencode(path)) <= _LIMIT:
        yield str(path)
        return
    if not _DESCRIPTORS.is_dir():
        raise FailedPrecondition(f"the path {path} is longer than {_LIMIT} bytes: use a data folder with a shorter one")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(folder) / path.name)
    finally:
        os.close(folder)
