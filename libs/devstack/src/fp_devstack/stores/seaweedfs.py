"""SeaweedFS as an S3 store."""

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from fp_supervisor.loopback import HOST

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.files import write_private
from fp_devstack.stores import signing
from fp_devstack.stores.store import Store

BUCKET = "forgepoint"
PASSWORD = "s3.secret_key"  # noqa: S105 -- its name among the secrets
_PROBE = "/.ready"
# The maintenance worker dials the admin's port plus this, whatever its flags say.
_WORKER_OFFSET = 10_000
# Without these, anyone who reaches the filer's or a volume's port reads and writes objects without credentials.
SIGNING_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)
_SOCKETS = Path("/tmp")  # noqa: S108 -- not our choice
_OPENING_SECONDS = 60.0
_GRPC = ("master", "volume", "filer", "s3")


class SeaweedFs(Store):
    name: ClassVar[str] = "seaweedfs"
    speaks_tls: ClassVar[bool] = True
    port_names: ClassVar[tuple[str, ...]] = (
        "s3",
        "s3.grpc",
        "master",
        "master.grpc",
        "volume",
        "volume.grpc",
        "filer",
        "filer.grpc",
        "admin",
    )

    # Its orderly end takes one second; sometimes it waits for a connection that nobody closes. It survives a kill.
    stop_seconds: ClassVar[float] = 3.0

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.secure else 'http'}://{HOST}:{self.ports['s3']}"

    @property
    def credentials(self) -> tuple[str, str]:
        """Access key and secret key, of who may do everything."""
        return "forgepoint", self.secrets.token(PASSWORD)

    def credentials_of(self, noun: str) -> tuple[str, str]:
        """The service's own; the server knows none for those without access."""
        return noun, self.secrets.token(f"s3.{noun}")

    def take_ports(self) -> dict[str, int]:
        offsets = {"admin": (0, _WORKER_OFFSET)}
        return {
            name: self._book.take(f"{self.name}.{name}", offsets=offsets.get(name, (0,))) for name in self.port_names
        }

    def prepare(self) -> None:
        (self.folder / "data").mkdir(mode=0o700, exist_ok=True)
        identities = [_identity(self.credentials, ("Admin", "Read", "List", "Tagging", "Write"))]
        for noun, access in sorted(self.accesses.items()):
            if access.s3_prefixes is not None:
                places = (f"{BUCKET}/{prefix}*" for prefix in access.s3_prefixes)
                actions = [f"{verb}:{place}" for place in places for verb in ("Read", "List", "Write")]
                identities.append(_identity(self.credentials_of(noun), actions))
        write_private(self.folder / "s3.json", json.dumps({"identities": identities}))

    def _take(self) -> None:
        self.hang_up()

    def program(self, lock: int) -> Program:
        return Program(
            [str(programs.weed()), "-logtostderr=true", "mini", *self._options(), *self._port_options()],
            self.folder,
            self.environment(),
            self.log,
            locks=(lock,),
        )

    def environment(self) -> Mapping[str, str]:
        keys = {name: self.secrets.token(signing_key(name)) for name in SIGNING_KEYS}
        # Each bucket is a collection; the default grows seven volumes at the first write to one.
        growth = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        # It allocates 233 MiB of buffers when it starts and touches 36 of them. At Go's default that much garbage may
        # lie about besides: after 2,000 small objects 167 MiB were resident, and 84 with this.
        memory = {"GOMEMLIMIT": "400MiB", "GOGC": "20"}
        return {**super().environment(), **keys, **growth, **memory}

    def _options(self) -> list[str]:
        return [
            "-dir=data",
            f"-ip={HOST}",
            f"-ip.bind={self.listens}",
            "-master.telemetry=false",
            # The only master there is learns its volumes from their server. When it resumes instead, the server's first
            # word may come before it leads again, and the next one is five seconds later.
            "-master.resumeState=false",
            "-disableHttp",
            "-volume.preStopSeconds=0",  # its only clients are parts of this program: no wait before the stop
            "-webdav=false",
            "-admin.ui=false",
            "-s3.config=s3.json",
            "-s3.autoCreateBucket=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-filer.localSocket=filer.sock",
            "-s3.localSocket=s3.sock",
            *self._tls(),
        ]

    def _tls(self) -> list[str]:
        files = self.certificate
        return [f"-s3.cert.file={files.certificate}", f"-s3.key.file={files.key}"] if self.secure else []

    def _port_options(self) -> list[str]:
        ports = self.ports
        plain = [f"-{name}.port={ports[name]}" for name in (*_GRPC, "admin")]
        grpc = [f"-{name}.port.grpc={ports[f'{name}.grpc']}" for name in _GRPC]
        return [*plain, *grpc, f"-admin.port.grpc={ports['admin'] + _WORKER_OFFSET}"]

    def ready(self) -> bool:
        """The bucket is there and takes an object: the S3 port answers before that, and after a crash the volumes
        may come seconds later than it.
        """
        try:
            if self._request("HEAD") == HTTPStatus.NOT_FOUND:
                self._request("PUT")
            written = self._request("PUT", _PROBE, b"ready") == HTTPStatus.OK
            return written and self._request("DELETE", _PROBE) == HTTPStatus.NO_CONTENT
        except (OSError, http.client.HTTPException):
            return False

    def _request(self, method: str, name: str = "", body: bytes = b"") -> int:
        return signing.request(self.ports["s3"], method, f"/{BUCKET}{name}", self.credentials, body, tls=self.secure)

    def clean(self) -> None:
        """The program puts sockets into /tmp, no flag moves them, and a killed one leaves them: ours and dead ones."""
        for name in (*_GRPC, "admin"):
            (_SOCKETS / f"seaweedfs-{name}-grpc-{self._grpc_port(name)}.sock").unlink(missing_ok=True)
        for path in _SOCKETS.glob("seaweedfs-*-grpc-*.sock"):
            with contextlib.suppress(FileNotFoundError, PermissionError):
                if _is_dead(path):
                    path.unlink()

    def _grpc_port(self, name: str) -> int | None:
        if name == "admin":
            admin = self.ports.get(name) or self._book.recorded(f"{self.name}.{name}")
            return admin + _WORKER_OFFSET if admin else None
        return self.ports.get(f"{name}.grpc") or self._book.recorded(f"{self.name}.{name}.grpc")


def signing_key(name: str) -> str:
    """Its name among the secrets."""
    return f"seaweedfs.{name.lower()}"


def _identity(credentials: tuple[str, str], actions: Sequence[str]) -> dict[str, object]:
    access, secret = credentials
    return {"name": access, "credentials": [{"accessKey": access, "secretKey": secret}], "actions": list(actions)}


def _is_dead(path: Path) -> bool:
    """A socket of this user that nobody listens to, and that is too old to be just opening."""
    status = path.stat()
    if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _OPENING_SECONDS:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
