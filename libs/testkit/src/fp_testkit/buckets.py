"""An empty bucket for each test."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from minio import Minio


@dataclass(frozen=True, slots=True)
class Bucket:
    """endpoint: `http://host:port`. name: of the bucket. looker: access key and secret key of who may do everything."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str
    looker: tuple[str, str]

    def client(self) -> "Minio":
        """A client of its own that may do everything; a call blocks."""
        from minio import Minio

        parts = urlsplit(self.endpoint)
        return Minio(
            parts.netloc,
            access_key=self.looker[0],
            secret_key=self.looker[1],
            secure=parts.scheme == "https",
            region="us-east-1",
        )

    def ensure(self) -> None:
        """Create the bucket unless it is there."""
        client = self.client()
        if not client.bucket_exists(self.name):
            client.make_bucket(self.name)

    def clear(self) -> None:
        """Delete every object, and every upload in parts that was begun."""
        from minio.deleteobjects import DeleteObject

        client = self.client()
        names = [item.object_name for item in client.list_objects(self.name, recursive=True) if item.object_name]
        for failure in client.remove_objects(self.name, [DeleteObject(name) for name in names]):
            raise RuntimeError(f"cannot delete {failure.name}: {failure.message}")
