"""The common part of the stores: folder, lock, process and log."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fp_supervisor.loopback import HOST

from fp_devstack import children, locks
from fp_devstack.children import Program
from fp_devstack.failures import StoreFailed
from fp_devstack.files import copy_aside, rotate, tail
from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.store_access import Accesses
from fp_devstack.tls.folder import CertificateFiles

if TYPE_CHECKING:
    import subprocess

_POLL_SECONDS = 0.01
# A dead parent's stores need a moment to end before their folder can be used again.
_LOCK_PATIENCE_SECONDS = 10.0
_PORT_ATTEMPTS = 3
_PORT_TAKEN = ("address already in use", "is not available on")
_BASE_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")


class Store(ABC):
    """One store below `folder`/<name>.

    accesses: its users beside the one who may do everything. durable: False gives up safety against power loss, never
    against a killed process; for tests. listens: on which address; we ourselves ask it on the loopback.
    """

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    speaks_tls: ClassVar[bool] = False
    stop_signal: ClassVar[int] = signal.SIGTERM
    death_signal: ClassVar[int] = signal.SIGKILL
    stop_seconds: ClassVar[float] = 10.0

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        secrets: Secrets,
        accesses: Accesses,
        *,
        durable: bool,
        patience: float,
        listens: str = HOST,
    ) -> None:
        self.folder = folder / self.name
        # TLS for the stores whose programs have it, where somebody put a certificate.
        self.certificate = CertificateFiles(folder / "tls" / self.name)
        self.log = folder / "logs" / f"{self.name}.log"
        self.ports: dict[str, int] = {}
        self.durable = durable
        self.listens = listens
        self.secrets = secrets
        self.accesses = accesses
        self._lock = folder / f".{self.name}.lock"
        self._book = ports
        self._patience = patience
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def secure(self) -> bool:
        return self.speaks_tls and self.certificate.certificate.exists()

    @property
    def ca_file(self) -> str:
        """The authorities that clients trust; empty without TLS."""
        return str(self.certificate.authority) if self.secure else ""

    @property
    def pid(self) -> int | None:
        """The process while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def main_port(self) -> int:
        return self.ports[self.port_names[0]]

    def start(self) -> None:
        """Returns when the store answers.

        Raises StoreFailed with the end of its log, FolderInUse when another process runs it.
        """
        descriptor = locks.acquire(self._lock, patience=_LOCK_PATIENCE_SECONDS)
        try:
            self._start(descriptor)
        except OSError as error:
            raise StoreFailed(f"{self.name} did not start: {error}") from error
        finally:
            os.close(descriptor)  # the process, if there is one, holds the lock now

    def stop(self) -> None:
        if self._process is not None:
            children.stop(self._process, self.stop_signal, self.stop_seconds)
            self._process = None
        self.clean()

    def kill(self) -> None:
        """Ends the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hang_up(self) -> None:
        """What programs take for a wish to read their files again."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGHUP)

    def bound_log(self) -> None:
        """To be called from time to time: a store writes to its log for as long as it runs."""
        if copy_aside(self.log):
            self._log_start = 0

    def reload(self) -> None:
        """Takes users, passwords and rights as they are now, while it runs."""
        self.prepare()
        self._take()

    @abstractmethod
    def _take(self) -> None:
        """Has the running process read its files again."""

    def _start(self, lock: int) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.clean()
            self.ports = self.take_ports()
            self.prepare()
            self._log_start = rotate(self.log)
            self._process = children.spawn(self.program(lock))
            if self._await_ready():
                return
            self.stop()
            if attempt == _PORT_ATTEMPTS or not self.lost_port():
                raise StoreFailed(f"{self.name} did not start; the end of {self.log}:\n{self._said()}")
            self._book.forget(*(f"{self.name}.{port}" for port in self.port_names))

    def _await_ready(self) -> bool:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            if self.pid is None:
                return False
            if self.ready():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def take_ports(self) -> dict[str, int]:
        return {port: self._book.take(f"{self.name}.{port}") for port in self.port_names}

    def lost_port(self) -> bool:
        """Whether the last start failed because a port was taken between choosing and listening."""
        said = self._said(lines=60).lower()
        return any(text in said for text in _PORT_TAKEN)

    def _said(self, *, lines: int = 12) -> str:
        """The end of what the last start has logged."""
        return tail(self.log, after=self._log_start, lines=lines)

    def environment(self) -> Mapping[str, str]:
        """A scrubbed base: what the user's shell exports must not change a store."""
        inherited = {name: os.environ[name] for name in _BASE_ENVIRONMENT if name in os.environ}
        return {**inherited, "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    @abstractmethod
    def prepare(self) -> None:
        """Writes what the program needs; called before each start, so it must not undo earlier data."""

    @abstractmethod
    def program(self, lock: int) -> Program: ...

    @abstractmethod
    def ready(self) -> bool:
        """Whether the store answers with our credentials now; never raises for a store that is still starting."""

    def clean(self) -> None:  # noqa: B027 -- most leave nothing
        """Removes what a killed process may have left outside the folder."""
