"""Free ports of the loopback, stored in the folder so that addresses survive a restart."""

import random
import threading
from pathlib import Path

from fp_supervisor.loopback import HOST, is_free

from fp_devstack.failures import StoreFailed
from fp_devstack.files import read_json, write_json

# Below the ephemeral ranges of Linux (from 32768) and macOS (from 49152): there an outgoing connection of any
# program could take a recorded port while the stack is down.
LOWEST, HIGHEST = 20_000, 32_000
_ATTEMPTS = 200


class Ports:
    """Ports by name. One that was recorded but is taken meanwhile is chosen again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._random = random.SystemRandom()

    def recorded(self, name: str) -> int | None:
        """The port the name had last, if any."""
        return read_json(self._path).get(name)

    def take(self, name: str, *, offsets: tuple[int, ...] = (0,)) -> int:
        """The recorded port when it is free, else a new one.

        offsets: ports relative to the answer that must be free too and are counted as taken by this name.
        Raises StoreFailed when no free port is found.
        """
        with self._lock:
            ports = read_json(self._path)
            port = ports.get(name)
            if not isinstance(port, int) or not all(is_free(port + offset) for offset in offsets):
                port = self._choose({taken for other, taken in ports.items() if other != name}, offsets)
                ports[name] = port
                write_json(self._path, ports)
            return port

    def forget(self, *names: str) -> None:
        """The next `take` chooses anew: for ports that were taken between choosing and listening."""
        with self._lock:
            ports = read_json(self._path)
            write_json(self._path, {name: port for name, port in ports.items() if name not in names})

    def _choose(self, taken: set[int], offsets: tuple[int, ...]) -> int:
        for _ in range(_ATTEMPTS):
            port = self._random.randrange(LOWEST, HIGHEST - max(offsets))
            wanted = {port + offset for offset in offsets}
            if not wanted & taken and all(is_free(each) for each in wanted):
                return port
        raise StoreFailed(f"no free port was found on {HOST} between {LOWEST} and {HIGHEST}")
