"""PostgreSQL 18."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from fp_supervisor.loopback import HOST

from fp_devstack import databases, programs
from fp_devstack.children import Program
from fp_devstack.failures import StoreFailed
from fp_devstack.files import PRIVATE, write_private
from fp_devstack.stores.store import Store

SUPERUSER = "fp_admin"
PASSWORD = "postgres.password"  # noqa: S105 -- its name among the secrets
NOBODY = 65534
# A bound for what hangs: on a busy machine it takes a minute of its two processor seconds.
_INITDB_SECONDS = 600
# `pg_ctl` reads the same: the line of postmaster.pid that holds the server's state.
_STATUS_LINE = 7
_SETTINGS = {
    # No socket file: its path has a limit of 107 bytes, and /tmp is not ours.
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # In the data folder; in /dev/shm a killed server would leave it behind.
    "dynamic_shared_memory_type": "mmap",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_statement": "none",
    "log_checkpoints": "off",
    "autovacuum_naptime": "30s",
}
# Passwords are random tokens: to hash them four thousand times costs each connection milliseconds and protects nothing.
# What tests leave behind is gone in minutes, and a vacuum or an analysis that comes between two of their statements
# changes plans and costs.
_UNSAFE_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "scram_iterations": "1",
    "autovacuum": "off",
}


class Postgres(Store):
    """As root the server runs as `nobody`, which it demands; where `nobody` cannot reach the program or the folder,
    in a user namespace that shows our own user as `nobody`.
    """

    name: ClassVar[str] = "postgres"
    port_names: ClassVar[tuple[str, ...]] = ("server",)
    stop_signal: ClassVar[int] = signal.SIGINT  # "fast": ends sessions, writes a checkpoint
    death_signal: ClassVar[int] = signal.SIGQUIT  # the postmaster ends its backends; SIGKILL would leave that to them

    @property
    def admin_url(self) -> str:
        return self._url(self._password)

    def _url(self, password: str) -> str:
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.ports['server']}/postgres"

    @property
    def _password(self) -> str:
        return self.secrets.token(PASSWORD)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _callers(self) -> Path:
        """Who may come; what initdb writes is for the loopback alone."""
        return self.folder / "callers.conf"

    def start(self) -> None:
        super().start()
        # What a killed process had begun.
        self._take()

    def reload(self) -> None:
        """Roles and their passwords lie in the data: those of services, see `ensure_database`, and the own one."""
        self._take()

    def _take(self) -> None:
        """The administrator has the announced password before our file has it: who dies between the two finds both."""
        password = self.secrets.announced(PASSWORD)
        if not password:
            return
        try:
            databases.change_password(self.admin_url, SUPERUSER, password)
        except StoreFailed:
            # It is the present one already, or the server is away.
            databases.change_password(self._url(password), SUPERUSER, password)
        self.secrets.follow(PASSWORD)

    def prepare(self) -> None:
        prefix, user = self._identity()
        if not (self._data / "PG_VERSION").exists():
            self._initdb(prefix, user)
        elif user is not None or os.geteuid() == 0:
            _give(self._data, user or 0)
        if self.listens != HOST:
            write_private(self._callers, "host all all all scram-sha-256\n")
            if user is not None:
                os.chown(self._callers, user, user)
        # A killed server leaves it with its last state, which must not be taken for the new one's. Nobody runs here:
        # we hold the store's lock.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _initdb(self, prefix: list[str], user: int | None) -> None:
        """In a draft folder, renamed when complete: a killed first boot leaves nothing half made."""
        draft = self.folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = self.folder / "password"
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._password)
        try:
            if user is not None:
                self.folder.chmod(0o711)
                _give(draft, user)
                os.chown(password, user, user)
            command = [*prefix, str(programs.postgres_folder() / "initdb"), "-D", str(draft), "-U", SUPERUSER]
            options = ["-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8", "--locale=C.UTF-8"]
            builtin = ["--locale-provider=builtin", "--no-sync", "--no-instructions"]
            quick = [] if self.durable else ["-c", f"scram_iterations={_UNSAFE_SETTINGS['scram_iterations']}"]
            self._run([*command, *options, *builtin, *quick], user)
        finally:
            password.unlink()
        if self.durable:
            os.sync()
        draft.rename(self._data)

    def _run(self, command: list[str], user: int | None) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(self.environment()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_INITDB_SECONDS,
            check=False,
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
        )
        if done.returncode:
            raise StoreFailed(f"postgres: initdb failed: {done.stdout.decode('utf-8', 'replace')[-2000:]}")

    def program(self, lock: int) -> Program:
        prefix, user = self._identity()
        settings = {**_SETTINGS, **({} if self.durable else _UNSAFE_SETTINGS)}
        settings |= {"listen_addresses": self.listens, "port": str(self.ports["server"])}
        if self.listens != HOST:
            settings["hba_file"] = str(self._callers)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            [*prefix, str(programs.postgres_folder() / "postgres"), "-D", str(self._data), *options],
            self.folder,
            self.environment(),
            self.log,
            user=user,
            death_signal=self.death_signal,
            locks=(lock,),
        )

    def ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _identity(self) -> tuple[list[str], int | None]:
        """What to put before the command, and the user to become."""
        if os.geteuid() != 0:
            return [], None
        if _reachable(programs.postgres_folder()) and _reachable(self.folder.parent):
            return [], NOBODY
        unshare = shutil.which("unshare")
        if unshare is None:
            raise StoreFailed(
                "postgres does not run as root, the user nobody cannot reach its program or folder, and there is no "
                "`unshare` on PATH: use a data folder and an environment outside folders of mode 0700, or another user"
            )
        return [unshare, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"], None


def _reachable(folder: Path) -> bool:
    """Whether any user may walk down to the folder."""
    real = folder.resolve()
    return all(each.stat().st_mode & 0o001 for each in (real, *real.parents))


def _give(folder: Path, user: int) -> None:
    """Changes the owner of the tree, unless it has it already."""
    if folder.stat().st_uid == user:
        return
    for root, _, names in os.walk(folder):
        os.chown(root, user, user)
        for name in names:
            os.chown(os.path.join(root, name), user, user, follow_symlinks=False)  # noqa: PTH118 -- many files
