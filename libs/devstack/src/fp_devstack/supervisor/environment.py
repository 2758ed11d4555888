"""The environment of every process: an allow-list of what it inherits, and what only the supervisor knows."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fp_kernel.errors import invalid

from fp_devstack.endpoints import Endpoints
from fp_devstack.ports import HOST, Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.supervisor.catalog import RUNTIME_NOUN, RUNTIME_PEERS, Service

_BASE = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "USER")
# A developer's wishes that concern every service.
_PASSED = ("FP_LOG_LEVEL", "FP_OTEL_ENDPOINT", "FP_REFLECTION")
# Names that a spec may carry: none that changes what an interpreter or a linker loads.
_ALLOWED = re.compile(r"FP_[A-Z0-9_]+|[A-Z]+_NUM_THREADS")
_VALUE_BYTES = 512 * 1024
EMAIL, TEAM = "admin@forgepoint.local", "platform"
# `fp up` may name another first admin; these reach auth only.
_BOOTSTRAP = {"FP_AUTH_BOOTSTRAP_EMAIL": EMAIL, "FP_AUTH_BOOTSTRAP_TEAM": TEAM}


def check(environment: Mapping[str, str]) -> None:
    """Raises InvalidArgument for a name that is not on the allow-list, or a value that is no environment's."""
    for name, value in environment.items():
        if not _ALLOWED.fullmatch(name):
            raise invalid(f"environment.{name}", "only names FP_* and *_NUM_THREADS are taken")
        if "\0" in value or len(value) > _VALUE_BYTES:
            raise invalid(f"environment.{name}", f"must be text of at most {_VALUE_BYTES} bytes without NUL")


@dataclass(frozen=True, slots=True)
class Environments:
    """Builds them for one folder. outer: the supervisor's own environment."""

    folder: Path
    ports: Ports
    secrets: Secrets
    services: tuple[Service, ...]
    outer: Mapping[str, str]

    def base(self) -> dict[str, str]:
        """What any child gets. Its temporary files stay in the folder."""
        kept = {name: self.outer[name] for name in _BASE if name in self.outer}
        return {**kept, "TMPDIR": str(self.folder / "tmp")}

    def zygote(self) -> dict[str, str]:
        path = {"PYTHONPATH": self.outer["PYTHONPATH"]} if "PYTHONPATH" in self.outer else {}
        return {**self.base(), **path}

    def service(self, service: Service, endpoints: Endpoints, database_url: str) -> dict[str, str]:
        noun = service.noun
        settings = {**self._common(), **self._listen(noun), **self._peers(service.peers)}
        settings["FP_SERVICE_SECRET"] = self._credential(noun)
        if service.database:
            settings["FP_DATABASE_URL"] = database_url
        if service.nats:
            settings["FP_NATS_URL"] = endpoints.nats_url
        if service.redis:
            settings["FP_REDIS_URL"] = endpoints.redis_url
        if service.s3:
            settings |= _s3(endpoints)
        fixed = {name: self.outer.get(name, value) for name, value in service.environment.items()}
        return {**self._wishes(noun), **settings, **self._special(noun), **fixed}

    def runtime(self, name: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """wanted: the spec's; what the supervisor knows wins over it."""
        cache = self.folder / "cache" / RUNTIME_NOUN
        return {
            **self._wishes(RUNTIME_NOUN),
            **wanted,
            **self._common(),
            **self._listen(f"runtime/{name}"),
            **self._peers(RUNTIME_PEERS),
            "FP_SERVICE_SECRET": self._credential(RUNTIME_NOUN),
            "FP_SERVING_CACHE_DIR": str(cache),
        }

    def job(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """A job gets no store, no service secret and no service's address but the gateway's."""
        passed = {name: self.outer[name] for name in _PASSED if name in self.outer}
        return {**wanted, **self.base(), **passed, **self._gateway(), "FP_ENV": "dev"}

    def bootstrap(self) -> dict[str, str]:
        """The first admin."""
        login = {name: self.outer.get(name, default) for name, default in _BOOTSTRAP.items()}
        password = self.outer.get("FP_AUTH_BOOTSTRAP_PASSWORD") or self.secrets.token("bootstrap.password")
        return {**login, "FP_AUTH_BOOTSTRAP_PASSWORD": password}

    def address(self, owner: str, port: str = "grpc") -> str:
        """`host:port`; the port is chosen now when it was not yet."""
        return f"{HOST}:{self.ports.kept(f'{owner}.{port}') or self.ports.take(f'{owner}.{port}')}"

    def _wishes(self, noun: str) -> dict[str, str]:
        """What the developer has set for this service alone, such as FP_PIPELINE_CAPACITY; what the supervisor
        generates wins over it.
        """
        prefix = f"FP_{noun.upper()}_"
        return {name: value for name, value in self.outer.items() if name.startswith(prefix)}

    def _common(self) -> dict[str, str]:
        passed = {name: self.outer[name] for name in _PASSED if name in self.outer}
        known = {"FP_ENV": "dev", "FP_BIND_HOST": HOST}
        return {**self.base(), **passed, **known, "FP_AUTH_ISSUER": f"http://{self.address('auth', 'http')}"}

    def _listen(self, owner: str) -> dict[str, str]:
        numbers = {port: self.address(owner, port).rpartition(":")[2] for port in ("grpc", "http")}
        return {"FP_GRPC_PORT": numbers["grpc"], "FP_HTTP_PORT": numbers["http"]}

    def _peers(self, nouns: tuple[str, ...]) -> dict[str, str]:
        return {f"FP_{noun.upper()}_ADDR": self.address(noun) for noun in nouns}

    def _gateway(self) -> dict[str, str]:
        return {"FP_GATEWAY_ADDR": self.address("gateway")}

    def _credential(self, noun: str) -> str:
        return self.secrets.token(f"service.{noun}")

    def _special(self, noun: str) -> dict[str, str]:
        """Settings that one service alone has."""
        match noun:
            case "auth":
                nouns = (*(service.noun for service in self.services), RUNTIME_NOUN)
                hashes = {each: hashlib.sha256(self._credential(each).encode()).hexdigest() for each in nouns}
                return {
                    "FP_AUTH_KEY_ENCRYPTION_KEY": self.secrets.key("auth.key_encryption_key"),
                    "FP_AUTH_SERVICE_CREDENTIALS": ",".join(f"{each}={value}" for each, value in hashes.items()),
                    **self.bootstrap(),
                }
            case "gateway":
                return {"FP_GATEWAY_HTTP_PORT": self.address("gateway", "public").rpartition(":")[2]}
            case "inference":
                return {"FP_SPOOL_DIR": str(self.folder / "spool" / noun)}
            case "notification":
                return {"FP_NOTIFICATION_SIGNING_KEY": self.secrets.key("notification.signing_key")}
            case "pipeline":
                return {"FP_SUPERVISOR_SOCKET": str(self.folder / "supervisor.sock")}
            case _:
                return {}


def _s3(endpoints: Endpoints) -> dict[str, str]:
    return {
        "FP_S3_ENDPOINT": endpoints.s3_endpoint,
        "FP_S3_PUBLIC_ENDPOINT": endpoints.s3_endpoint,
        "FP_S3_BUCKET": endpoints.s3_bucket,
        "FP_S3_ACCESS_KEY": endpoints.s3_access_key,
        "FP_S3_SECRET_KEY": endpoints.s3_secret_key,
    }


def outer() -> dict[str, str]:
    return dict(os.environ)
