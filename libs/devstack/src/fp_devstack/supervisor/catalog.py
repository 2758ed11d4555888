"""The programs that the supervisor starts: the services of `fp_platform` with their needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fp_platform
from fp_kernel.errors import InvalidArgument

from fp_devstack.store_access import Accesses, NatsAccess, RedisAccess, StoreAccess

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `services.toml` says what the fields mean. module: default `fp_<noun>`."""

    noun: str
    module: str = ""
    rpc: bool = True
    database: bool = False
    nats: bool = False
    redis: bool = False
    redis_keys: tuple[str, ...] = ()
    redis_channels: tuple[str, ...] = ()
    redis_commands: tuple[str, ...] = ()
    s3: bool = False
    s3_prefixes: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    edge: bool = False
    ports: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    generated: Mapping[str, str] = field(default_factory=dict)

    @property
    def program(self) -> str:
        return self.module or f"fp_{self.noun}"

    @property
    def stores(self) -> bool:
        """Whether it uses any."""
        return self.database or self.nats or self.redis or self.s3

    @property
    def access(self) -> StoreAccess:
        redis = RedisAccess(self.redis_keys, self.redis_channels, self.redis_commands) if self.redis else None
        return StoreAccess(nats_access(self.noun) if self.nats else None, redis, self.s3_prefixes if self.s3 else None)

    @property
    def listens(self) -> tuple[str, ...]:
        """The ports that every program of its kind has."""
        return ("grpc", "http") if self.rpc else ("http",)


@dataclass(frozen=True, slots=True)
class LoginSetting:
    """setting: its name. value: what it is unless the environment of `fp up` has another."""

    setting: str
    value: str


@dataclass(frozen=True, slots=True)
class Login:
    """The first admin, whom `service` makes."""

    service: str
    email: LoginSetting
    team: LoginSetting
    password: LoginSetting


@dataclass(frozen=True, slots=True)
class Front:
    """`owner.port` of what everybody speaks to, by kind: gRPC and HTTP."""

    grpc: str
    http: str


def _service(facts: Mapping[str, Any]) -> Service:
    """Raises TypeError for a field that there is not."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    return Service(**fields)


def _login(facts: Mapping[str, Any]) -> Login:
    fields: dict[str, Any] = {
        name: LoginSetting(**value) if isinstance(value, dict) else value for name, value in facts.items()
    }
    return Login(**fields)


_DATA = fp_platform.services()
SERVICES: tuple[Service, ...] = tuple(_service({"noun": noun, **facts}) for noun, facts in _DATA["services"].items())
RUNTIME = _service(_DATA["runtime"])
EDGE = _service(_DATA["edge"])
COMMON: Mapping[str, str] = _DATA["common"]
JOB: Mapping[str, str] = _DATA["job"]["generated"]
JOB_NICENESS: int = _DATA["job"]["niceness"]
LOGIN = _login(_DATA["login"])


def front(services: tuple[Service, ...]) -> Front:
    """The edge where it is among the services, else the gateway."""
    with_edge, without = _DATA["front"], _DATA["front"]["without_edge"]
    chosen = with_edge if EDGE in services else without
    return Front(chosen["grpc"], chosen["http"])


_SUBJECTS = fp_platform.subjects()


def nats_access(user: str) -> NatsAccess:
    """Of a service or the operator; one that the platform does not know may only connect."""
    return NatsAccess(**{name: tuple(subjects) for name, subjects in _SUBJECTS.get(user, {}).items()})


def accesses(services: tuple[Service, ...]) -> Accesses:
    """The users at the stores: the services, and the operator."""
    return {**{service.noun: service.access for service in services}, OPERATOR: StoreAccess(nats_access(OPERATOR))}


def has_streams(services: tuple[Service, ...]) -> bool:
    """Whether any of them takes part in the platform's events."""
    return any(service.nats and service.noun in _SUBJECTS for service in services)


def needed_stores(services: tuple[Service, ...]) -> tuple[str, ...]:
    """The stores that any of them uses."""
    uses = {
        "postgres": any(service.database for service in services),
        "nats": any(service.nats for service in services),
        "valkey": any(service.redis for service in services),
        "seaweedfs": any(service.s3 for service in services),
    }
    return tuple(store for store, used in uses.items() if used)


def load(path: Path) -> tuple[Service, ...]:
    """A list of other services from a JSON file, each an object with the fields of `Service`.

    Raises InvalidArgument when it is not one.
    """
    try:
        return tuple(_service(entry) for entry in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"{path} is no list of services: {error}") from None
