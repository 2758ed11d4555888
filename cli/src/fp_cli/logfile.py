"""The end of a log file, and what is added to it."""

import sys
import time
from collections import deque
from pathlib import Path

from fp_kernel import NotFound

from fp_cli.output import State

_POLL_SECONDS = 0.2


def show(state: State, file: Path, lines: int, *, follow: bool) -> None:  # noqa: ARG001 -- every printer takes the state
    """Raises NotFound naming the logs there are."""
    try:
        with file.open(errors="replace") as log:
            for line in deque(log, maxlen=lines):
                sys.stdout.write(line)
            while follow:
                if line := log.readline():
                    sys.stdout.write(line)
                else:
                    sys.stdout.flush()
                    time.sleep(_POLL_SECONDS)
    except FileNotFoundError:
        there = sorted(path.stem for path in file.parent.glob("*.log"))
        raise NotFound(
            f"there is no log of {file.stem}",
            metadata={"next_step": f"these have one: {', '.join(there)}" if there else "start the platform: `fp up`"},
        ) from None
