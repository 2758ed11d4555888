"""The environment of every process: an allow-list of what it inherits, and what only the supervisor knows."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fp_kernel.errors import invalid
from fp_supervisor.loopback import HOST

from fp_devstack.endpoints import Endpoints
from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.supervisor.catalog import COMMON, EDGE, JOB, LOGIN, RUNTIME, Service, front
from fp_devstack.supervisor.placeholders import fill, is_secret
from fp_devstack.tls.local import LocalCertificates
from fp_devstack.zygote.preload import COLLECTOR

# Where the edge listens when it is asked to, by TLS only.
EVERYWHERE = "0.0.0.0"
_BASE = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "USER")
# What a developer may set for every service at once.
_PASSED = ("FP_LOG_LEVEL", COLLECTOR, "FP_REFLECTION")
_STREAM_LIMITS = "FP_STREAM_"
# Names that a spec may carry: none that changes what an interpreter or a linker loads.
_ALLOWED = re.compile(r"FP_[A-Z0-9_]+|[A-Z]+_NUM_THREADS")
_VALUE_BYTES = 512 * 1024

# Read when the zygote starts, and kept by what it forks. Each thread of gRPC would have an arena of its own.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "1"}
# Read when ONNX Runtime is loaded: it gave the machine an id in its user's home and had events for its maker's servers.
_PRIVACY = {"ORT_DISABLE_TELEMETRY": "1"}


def check(environment: Mapping[str, str]) -> None:
    """Raises InvalidArgument for a name that is not on the allow-list, or a value that is no environment's."""
    for name, value in environment.items():
        if not _ALLOWED.fullmatch(name):
            raise invalid(f"environment.{name}", "only names FP_* and *_NUM_THREADS are taken")
        if "\0" in value or len(value) > _VALUE_BYTES:
            raise invalid(f"environment.{name}", f"must be text of at most {_VALUE_BYTES} bytes without NUL")


@dataclass(frozen=True, slots=True)
class Environments:
    """Builds them for one folder. outer: the supervisor's own environment. certificates: None for clear text.
    public: whether the edge listens on every address of the machine.
    """

    folder: Path
    ports: Ports
    secrets: Secrets
    services: tuple[Service, ...]
    outer: Mapping[str, str]
    certificates: LocalCertificates | None = None
    public: bool = False

    def base(self) -> dict[str, str]:
        """What any child gets. Its temporary files stay in the folder."""
        inherited = {name: self.outer[name] for name in _BASE if name in self.outer}
        return {**inherited, **_PRIVACY, "TMPDIR": str(self.folder / "tmp")}

    def zygote(self) -> dict[str, str]:
        path = {"PYTHONPATH": self.outer["PYTHONPATH"]} if "PYTHONPATH" in self.outer else {}
        traced = {COLLECTOR: self.outer[COLLECTOR]} if self.outer.get(COLLECTOR) else {}
        return {**self.base(), **path, **traced, **_ALLOCATOR}

    def service(self, service: Service, endpoints: Endpoints, database_url: str) -> dict[str, str]:
        noun = service.noun
        settings = {**self._common(), **self._listen(service), **self._peers(service.peers)}
        if service.rpc:
            settings |= {"FP_SERVICE_SECRET": self._credential(noun), "FP_EDGE_PROOF": self._proof(noun)}
        if service.database:
            settings["FP_DATABASE_URL"] = database_url
        if service.nats:
            settings |= _nats(endpoints)
        if service.redis:
            settings["FP_REDIS_URL"] = endpoints.redis_url
        if service.s3:
            settings |= _s3(endpoints)
        settings |= self._filled(service.generated)
        if noun == LOGIN.service:
            settings |= {getattr(LOGIN, name).setting: value for name, value in self.login().items()}
        chosen = {name: self.outer.get(name, value) for name, value in self._filled(service.defaults).items()}
        return {**self._own(noun), **settings, **chosen, **self._tls(noun)}

    def secrets_of(self, service: Service) -> dict[str, str]:
        """Settings that nobody else may read, without those of stores: for an installation that keeps them apart."""
        own = self._filled({name: text for name, text in service.generated.items() if is_secret(text)})
        if service.rpc:
            own["FP_SERVICE_SECRET"] = self._credential(service.noun)
        if service.noun in EDGE.peers:
            own["FP_EDGE_PROOF"] = self._proof(service.noun)
        if service.noun == LOGIN.service:
            own[LOGIN.password.setting] = self.login()["password"]
        return own

    def streams(self, endpoints: Endpoints) -> dict[str, str]:
        """Of the program that makes streams. endpoints: the operator's."""
        limits = {name: value for name, value in self.outer.items() if name.startswith(_STREAM_LIMITS)}
        return {**self.base(), **limits, **_nats(endpoints)}

    def runtime(self, name: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """wanted: the spec's; what the supervisor knows wins over it."""
        return {
            **self._own(RUNTIME.noun),
            **wanted,
            **self._common(),
            **self._ports(f"runtime/{name}", ("grpc", "http")),
            **self._peers(RUNTIME.peers),
            "FP_SERVICE_SECRET": self._credential(RUNTIME.noun),
            **self._filled(RUNTIME.generated),
            **self._tls(RUNTIME.noun),
            **self._store_trust(),
        }

    def job(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """A job gets no store, no service secret, no certificate and no service's address but the gateway's."""
        passed = {name: self.outer[name] for name in _PASSED if name in self.outer}
        trusted = {"FP_CA_FILE": str(self.certificates.authority)} if self.certificates else {}
        return {**wanted, **self.base(), **passed, **self._filled(JOB), **trusted, "FP_ENV": "dev"}

    def login(self) -> dict[str, str]:
        """email, team and password of the first admin."""
        wanted = {"email": LOGIN.email, "team": LOGIN.team, "password": LOGIN.password}
        values = self._filled({name: setting.value for name, setting in wanted.items()})
        return {name: self.outer.get(setting.setting) or values[name] for name, setting in wanted.items()}

    def address(self, owner: str, port: str = "grpc") -> str:
        """`host:port`; the port is chosen now when it was not yet."""
        return f"{HOST}:{self.ports.recorded(f'{owner}.{port}') or self.ports.take(f'{owner}.{port}')}"

    def _own(self, noun: str) -> dict[str, str]:
        """What the developer has set for this service alone, such as FP_PIPELINE_CAPACITY; what the supervisor
        generates wins over it.
        """
        prefix = f"FP_{noun.upper()}_"
        return {name: value for name, value in self.outer.items() if name.startswith(prefix)}

    def _common(self) -> dict[str, str]:
        passed = {name: self.outer[name] for name in _PASSED if name in self.outer}
        known = {"FP_ENV": "dev", "FP_BIND_HOST": HOST}
        return {**self.base(), **passed, **known, **self._filled(COMMON)}

    def _listen(self, service: Service) -> dict[str, str]:
        return self._ports(service.noun, service.listens)

    def _ports(self, owner: str, ports: tuple[str, ...]) -> dict[str, str]:
        return {f"FP_{port.upper()}_PORT": self.address(owner, port).rpartition(":")[2] for port in ports}

    def _tls(self, noun: str) -> dict[str, str]:
        if self.certificates is None:
            return {}
        files = self.certificates.files(noun)
        return {
            "FP_TLS_CERT_FILE": str(files.certificate),
            "FP_TLS_KEY_FILE": str(files.key),
            "FP_TLS_CA_FILE": str(files.authority),
        }

    def _store_trust(self) -> dict[str, str]:
        """A runtime reads from the object store by URLs that the registry signs."""
        return {"FP_S3_CA_FILE": str(self.certificates.authority)} if self.certificates else {}

    def _url(self, name: str) -> str:
        """Of `owner.port`. Own routes of a service leave its `http` port, which is open to probes, for `https`."""
        owner, _, port = name.partition(".")
        if self.certificates is None:
            return f"http://{self.address(owner, port)}"
        return f"https://{self.address(owner, 'https' if port == 'http' else port)}"

    def _peers(self, nouns: tuple[str, ...]) -> dict[str, str]:
        return {f"FP_{noun.upper()}_ADDR": self.address(noun) for noun in nouns}

    def _credential(self, noun: str) -> str:
        return self.secrets.token(f"service.{noun}")

    def _proof(self, noun: str) -> str:
        return self.secrets.token(f"edge.proof.{noun}")

    def _filled(self, settings: Mapping[str, str]) -> dict[str, str]:
        values: dict[str, Callable[[str], str]] = {
            "folder": lambda _: str(self.folder),
            "address": lambda name: self.address(*name.split(".")),
            "front_host": lambda _: EVERYWHERE if self.public else HOST,
            "scheme": lambda _: "https" if self.certificates else "http",
            "url": self._url,
            "port": lambda name: self.address(*name.split(".")).rpartition(":")[2],
            "front": lambda kind: self.address(*getattr(front(self.services), kind).split(".")),
            "token": self.secrets.token,
            "letters": self.secrets.letters,
            "key": self.secrets.key,
            "credential_hashes": lambda _: self._credential_hashes(),
            "edge_proofs": lambda _: ",".join(f"{noun}={self._proof(noun)}" for noun in EDGE.peers),
        }
        return fill(settings, values)

    def _credential_hashes(self) -> str:
        """Auth knows the hash of every credential, and no credential but its own."""
        nouns = (*(service.noun for service in self.services if service.rpc), RUNTIME.noun)
        return ",".join(f"{noun}={hashlib.sha256(self._credential(noun).encode()).hexdigest()}" for noun in nouns)


def _s3(endpoints: Endpoints) -> dict[str, str]:
    return {
        "FP_S3_ENDPOINT": endpoints.s3_endpoint,
        "FP_S3_PUBLIC_ENDPOINT": endpoints.s3_endpoint,
        "FP_S3_BUCKET": endpoints.s3_bucket,
        "FP_S3_ACCESS_KEY": endpoints.s3_access_key,
        "FP_S3_SECRET_KEY": endpoints.s3_secret_key,
        **({"FP_S3_CA_FILE": endpoints.s3_ca_file} if endpoints.s3_ca_file else {}),
    }


def _nats(endpoints: Endpoints) -> dict[str, str]:
    trusted = {"FP_NATS_CA_FILE": endpoints.nats_ca_file} if endpoints.nats_ca_file else {}
    return {"FP_NATS_URL": endpoints.nats_url, **trusted}


def outer() -> dict[str, str]:
    return dict(os.environ)
