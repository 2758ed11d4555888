"""The same stores as containers, for machines that have them."""

import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fp_devstack import Endpoints
from testcontainers.core.container import DockerContainer

if TYPE_CHECKING:
    from fp_devstack.store_access import NatsAccess

    from fp_testkit.stores import Name

_USER: Final = "fp_test_admin"
_SECRET: Final = "fp_test_secret"
_BUCKET: Final = "forgepoint"
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Image:
    """question, answer: bytes that prove that the store itself answers, where a published port accepts long before;
    the answer starts with them.
    """

    reference: str
    port: int
    question: bytes
    answer: bytes
    command: str = ""
    environment: dict[str, str] = field(default_factory=dict)


# Whoever changes a reference here changes it in docker-compose.yaml too.
IMAGES: Final[dict["Name", Image]] = {
    "postgres": Image(
        "postgres:18.4",
        5432,
        bytes.fromhex("0000000804d2162f"),  # SSLRequest
        b"N",
        "-c fsync=off",
        {"POSTGRES_USER": _USER, "POSTGRES_PASSWORD": _SECRET},
    ),
    "nats": Image("nats:2.15.1-alpine", 4222, b"", b"INFO", f"-js --user {_USER} --pass {_SECRET}"),
    "valkey": Image(
        "valkey/valkey:9.1.2", 6379, b"PING\r\n", b"-NOAUTH", f"valkey-server --requirepass {_SECRET} --save ''"
    ),
    "seaweedfs": Image(
        "chrislusf/seaweedfs:4.48",
        8333,
        b"GET / HTTP/1.0\r\n\r\n",
        b"HTTP/1.",
        f"mini -dir=/data -ip=127.0.0.1 -ip.bind=0.0.0.0 -bucket={_BUCKET} -master.telemetry=false -webdav=false",
        {"AWS_ACCESS_KEY_ID": _USER, "AWS_SECRET_ACCESS_KEY": _SECRET},
    ),
}


class ContainerStores:
    """See `fp_testkit.stores.Stores`."""

    def __init__(self) -> None:
        self._containers: dict[Name, DockerContainer] = {}
        self._endpoints: dict[Name, Endpoints] = {}

    def endpoints(self, name: "Name") -> Endpoints:
        if name not in self._endpoints:
            self._endpoints[name] = _endpoints(name, self._run(name, IMAGES[name]))
        return self._endpoints[name]

    def object_store_of(self, noun: str) -> Endpoints:  # noqa: ARG002 -- its one user may do everything
        """See `Stores.object_store_of`."""
        return self.endpoints("seaweedfs")

    async def next_bus(self, access: "NatsAccess | None" = None) -> str:  # noqa: ARG002 -- its one user may do everything
        """The server's one account, emptied: its configuration is inside the container."""
        from fp_testkit.streams import delete_streams

        url = self.endpoints("nats").nats_url
        await delete_streams(url)
        return url

    def stop(self) -> None:
        self._endpoints.clear()
        while self._containers:
            self._containers.popitem()[1].stop()

    def _run(self, name: "Name", image: Image) -> str:
        """host:port of the container, once it answers."""
        container = DockerContainer(image.reference).with_exposed_ports(image.port)
        if image.command:
            container = container.with_command(image.command)
        for variable, value in image.environment.items():
            container = container.with_env(variable, value)
        self._containers[name] = container
        container.start()
        address = (container.get_container_host_ip(), int(container.get_exposed_port(image.port)))
        deadline = time.monotonic() + _PATIENCE
        while not answers(address, image):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{image.reference} did not answer in {_PATIENCE:g} s")
            time.sleep(0.1)
        return f"{address[0]}:{address[1]}"


def answers(address: tuple[str, int], image: Image) -> bool:
    """Whether the program behind the address speaks the store's protocol."""
    try:
        with socket.create_connection(address, timeout=1) as connection:
            connection.sendall(image.question)
            return connection.recv(4_096).startswith(image.answer)
    except OSError:
        return False


def _endpoints(name: "Name", address: str) -> Endpoints:
    match name:
        case "postgres":
            return Endpoints(postgres_admin_url=f"postgresql://{_USER}:{_SECRET}@{address}/postgres")
        case "nats":
            return Endpoints(nats_url=f"nats://{_USER}:{_SECRET}@{address}")
        case "valkey":
            return Endpoints(redis_url=f"redis://:{_SECRET}@{address}/0")
        case "seaweedfs":
            return Endpoints(
                s3_endpoint=f"http://{address}", s3_access_key=_USER, s3_secret_key=_SECRET, s3_bucket=_BUCKET
            )
