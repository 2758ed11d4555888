"""How the stores are reached in a cluster: each by a Service of its own, on the port that everybody knows it by."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """service: its name. store: as the stack has it. main: the port that clients use. ports: of all of the store."""

    service: str
    store: str
    main: str
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return self.ports[self.main]

    @property
    def address(self) -> str:
        return f"{self.service}:{self.port}"

    @property
    def book(self) -> dict[str, int]:
        """The ports as the stack writes them down."""
        return {f"{self.store}.{name}": port for name, port in self.ports.items()}


_S3_PORTS = {
    "s3": 8333,
    "s3.grpc": 18333,
    "master": 9333,
    "master.grpc": 19333,
    "volume": 9340,
    "volume.grpc": 19340,
    "filer": 8888,
    "filer.grpc": 18888,
    "admin": 23646,
}
PLACES: Mapping[str, Place] = {
    place.service: place
    for place in (
        Place("postgres", "postgres", "server", {"server": 5432}),
        Place("nats", "nats", "client", {"client": 4222}),
        Place("valkey", "valkey", "client", {"client": 6379}),
        Place("s3", "seaweedfs", "s3", _S3_PORTS),
    )
}
# Whether a store answers and has all that its clients need: GET /readyz.
HEALTH_PORT = 8080
