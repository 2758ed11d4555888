"""The stores of one folder."""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from fp_supervisor.loopback import HOST, RECORD

from fp_devstack import databases, locks
from fp_devstack.endpoints import Endpoints
from fp_devstack.failures import StoreFailed
from fp_devstack.files import make_data_folder
from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.store_access import Accesses
from fp_devstack.stores import nats, postgres, seaweedfs, valkey
from fp_devstack.stores.nats import Nats
from fp_devstack.stores.postgres import Postgres
from fp_devstack.stores.seaweedfs import BUCKET, SeaweedFs
from fp_devstack.stores.store import Store
from fp_devstack.stores.valkey import Valkey

_CLASSES: Mapping[str, type[Store]] = {each.name: each for each in (Postgres, Nats, Valkey, SeaweedFs)}
STORES: tuple[str, ...] = tuple(_CLASSES)
_NEEDED_BYTES = 256 * 1024 * 1024
_NOUN = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Stack:
    """Real stores as children of this process; data, logs, ports and passwords live in `folder`.

    stores: names out of STORES; all by default. accesses: users of services at the stores, each with rights of its own.
    durable: False may lose the last moments before a store is killed or power fails, for speed; for tests.
    patience: seconds each store has to become ready. listens: the address of all stores. secrets: the file of their
    passwords, where it is not the folder's own.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        stores: Iterable[str] = STORES,
        accesses: Accesses = MappingProxyType({}),
        durable: bool = True,
        patience: float = 120.0,
        listens: str = HOST,
        secrets: Path | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.secrets = Secrets(secrets or self.folder / "secrets.json", given=secrets is not None)
        self.ports = Ports(self.folder / RECORD)
        self._accesses = accesses
        chosen = tuple(stores)
        if unknown := set(chosen) - set(STORES):
            raise ValueError(f"unknown stores {sorted(unknown)}; there are {', '.join(STORES)}")
        self._stores = {
            name: _CLASSES[name](
                self.folder, self.ports, self.secrets, accesses, durable=durable, patience=patience, listens=listens
            )
            for name in chosen
        }
        self._lock: int | None = None
        self._endpoints: Endpoints | None = None

    def start(self) -> Endpoints:
        """Starts every store at once and returns when all answer; a second call gives the same endpoints.

        Raises StoreFailed (then none is left running) and FolderInUse.
        """
        if self._endpoints is None:
            try:
                self._open_folder()
                self._each(lambda store: store.start())
                self._endpoints = self._describe()
            except BaseException:
                self.stop()
                raise
        return self._endpoints

    def stop(self) -> None:
        """Stops every store; the data stays. Safe to call at any time."""
        try:
            self._each(lambda store: store.stop())
        finally:
            self._endpoints = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def endpoints(self) -> Endpoints:
        """Raises StoreFailed when the stack is not running."""
        if self._endpoints is None:
            raise StoreFailed("the stack is not running")
        return self._endpoints

    def endpoints_of(self, noun: str) -> Endpoints:
        """The same stores with the credentials of one service; without those of its database, see `create_database`.

        Raises StoreFailed when the stack is not running.
        """
        own: dict[str, str] = {"postgres_admin_url": ""}
        for store in self._stores.values():
            match store:
                case Nats():
                    own["nats_url"] = store.url_of(noun)
                case Valkey():
                    own["redis_url"] = store.url_of(noun)
                case SeaweedFs():
                    own["s3_access_key"], own["s3_secret_key"] = store.credentials_of(noun)
        return replace(self.endpoints, **own)

    @property
    def pids(self) -> dict[str, int | None]:
        """The process of each store; None for one that died."""
        return {name: store.pid for name, store in self._stores.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """`host:port` of each store, for people."""
        return {name: f"{HOST}:{store.main_port}" for name, store in self._stores.items() if store.ports}

    def create_database(self, noun: str) -> str:
        """Creates database and role `fp_<noun>` unless they exist; gives the role's URL."""
        return databases.create_database(self.endpoints, noun, self.database_password(noun))

    def database_password(self, noun: str) -> str:
        if not _NOUN.fullmatch(noun):
            raise ValueError(f"{noun!r} is no service's noun")
        return self.secrets.token(f"database.{noun}")

    def answers(self, name: str) -> bool:
        """Whether the store takes what its clients ask, now."""
        return self._stores[name].ready()

    def kill(self, name: str) -> None:
        """Ends one store as a crash would; for tests."""
        self._stores[name].kill()

    def revive(self) -> tuple[str, ...]:
        """Starts the stores that died again, on their ports; gives their names."""
        dead = tuple(name for name, store in self._stores.items() if store.pid is None)
        for name in dead:
            self._stores[name].start()
        if dead:
            self._endpoints = self._describe()
        return dead

    def bound_logs(self) -> None:
        """Cut the logs that have grown; to be called from time to time while the stores run."""
        for store in self._stores.values():
            store.bound_log()

    def _open_folder(self) -> None:
        try:
            make_data_folder(self.folder)
            self._lock = locks.acquire(self.folder / ".stack.lock")
        except OSError as error:
            raise StoreFailed(f"the folder {self.folder} cannot be used: {error.strerror}") from error
        free = shutil.disk_usage(self.folder).free
        if free < _NEEDED_BYTES:
            raise StoreFailed(
                f"the disk of {self.folder} has {free >> 20} MiB left; the stores need {_NEEDED_BYTES >> 20} MiB"
            )

    @property
    def secured(self) -> tuple[str, ...]:
        """The stores that speak TLS where they have a certificate."""
        return tuple(name for name, store in self._stores.items() if store.speaks_tls)

    def reload(self, names: Collection[str]) -> None:
        """These have new certificates, passwords or rights, and are told."""
        for store in self._stores.values():
            if store.name in names:
                store.reload()

    def make_passwords(self) -> None:
        """New ones for all users and administrators; `give_passwords` has the stores take them."""
        users = [f"{kind}.{noun}" for kind in ("nats", "valkey", "s3", "database") for noun in self._accesses]
        administrators = (nats.PASSWORD, valkey.PASSWORD, seaweedfs.PASSWORD)
        self.secrets.renew([*users, *administrators], announced=[postgres.PASSWORD])

    def give_passwords(self) -> None:
        """Those of services at Postgres count once `ensure_database` ran. May be called again until it does not raise.

        Raises StoreFailed.
        """
        self.reload(self._stores)
        self._endpoints = self._describe()

    def _each(self, act: Callable[[Store], None]) -> None:
        """All at once; waits for all, then raises the first failure."""
        if not self._stores:
            return
        with ThreadPoolExecutor(len(self._stores), thread_name_prefix="fp-devstack") as pool:
            futures = [pool.submit(act, store) for store in self._stores.values()]
        for future in futures:
            future.result()

    def _describe(self) -> Endpoints:
        fields: dict[str, str] = {}
        for store in self._stores.values():
            match store:
                case Postgres():
                    fields["postgres_admin_url"] = store.admin_url
                case Nats():
                    fields |= {"nats_url": store.url, "nats_ca_file": store.ca_file}
                case Valkey():
                    fields["redis_url"] = store.url
                case SeaweedFs():
                    access, secret = store.credentials
                    fields |= {"s3_endpoint": store.endpoint, "s3_bucket": BUCKET}
                    fields |= {"s3_access_key": access, "s3_secret_key": secret, "s3_ca_file": store.ca_file}
        return Endpoints(**fields)
