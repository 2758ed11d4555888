"""The services as data: what each is called and what it needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fp_kernel.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    module: default `fp_<noun>`.
    peers: nouns whose addresses it gets.
    edge: stopped before the others, so that what it has accepted can still be answered.
    environment: further settings; the supervisor's own environment wins over their values.
    """

    noun: str
    module: str = ""
    database: bool = False
    nats: bool = False
    redis: bool = False
    s3: bool = False
    peers: tuple[str, ...] = ()
    edge: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def program(self) -> str:
        return self.module or f"fp_{self.noun}"


SERVICES: tuple[Service, ...] = (
    Service("auth", database=True, nats=True),
    Service("registry", database=True, nats=True, redis=True, s3=True, peers=("auth",)),
    Service(
        "inference",
        nats=True,
        redis=True,
        peers=("auth", "registry", "pipeline", "billing"),
        # One person at a laptop may ask as fast as it answers; the default is meant for many.
        environment={"FP_RATE_LIMITS": "default=100/200,engineer=5000/10000,admin=5000/10000"},
    ),
    Service(
        "pipeline",
        database=True,
        nats=True,
        s3=True,
        peers=("auth", "registry", "inference"),
        environment={"FP_PIPELINE_JOB_MODULES": "fp_flights"},  # the example; a developer names others from outside
    ),
    Service("featurestore", database=True, nats=True, redis=True, peers=("auth",)),
    Service("experiment", database=True, nats=True, peers=("auth",)),
    Service("billing", database=True, nats=True, peers=("auth",)),
    Service(
        "notification",
        database=True,
        nats=True,
        peers=("auth",),
        # The receivers of a laptop's webhooks run beside the platform; elsewhere a loopback address is refused.
        environment={"FP_NOTIFICATION_WEBHOOK_LOOPBACK": "127.0.0.0/8,::1/128"},
    ),
    Service("monitor", database=True, nats=True, peers=("auth", "registry", "pipeline")),
    Service(
        "gateway",
        nats=True,
        peers=(
            "auth",
            "registry",
            "inference",
            "pipeline",
            "featurestore",
            "experiment",
            "billing",
            "notification",
            "monitor",
        ),
        edge=True,
    ),
)
# The program that runtimes run: it has a credential of its own but no resident process.
RUNTIME_NOUN = "serving"
RUNTIME_PEERS = ("auth", "registry")


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
    """A list of services from a JSON file, each an object with the fields of `Service`.

    Raises InvalidArgument when it is not one.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Service(**{**entry, "peers": tuple(entry.get("peers", ()))}) for entry in entries)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidArgument(f"{path} is no list of services: {error}") from None
