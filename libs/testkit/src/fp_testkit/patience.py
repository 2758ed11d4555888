"""How long a test waits for what must come."""

import time
from typing import Final

# Seconds. Nobody waits so long where all is well; a busy machine may need them. A test that passes only when something
# is quick tests the machine: a wait ends with its condition, and this is the bound behind it.
PATIENCE: Final = 60.0


class Bound:
    """The end of a wait outside an event loop, `seconds` from now: `while not bound.over: ...`."""

    def __init__(self, seconds: float = PATIENCE) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end
