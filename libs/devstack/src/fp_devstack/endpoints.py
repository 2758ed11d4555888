"""Where the stores of a stack answer."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses and credentials of the running stores; those of a store that was not selected are empty.

    postgres_admin_url: a superuser's, for creating databases and roles; services get a role of their own.
    s3_endpoint: `http://host:port`, https by TLS; clients use path style and any region.
    nats_ca_file, s3_ca_file: the authorities to trust where the store speaks TLS.
    """

    postgres_admin_url: str = ""
    nats_url: str = ""
    redis_url: str = ""
    s3_endpoint: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_bucket: str = ""
    nats_ca_file: str = ""
    s3_ca_file: str = ""

    def database_url(self, database: str, role: str, password: str) -> str:
        """The URL of another database on the same server."""
        host = urlsplit(self.postgres_admin_url).netloc.rpartition("@")[2]
        return urlunsplit(("postgresql", f"{role}:{password}@{host}", f"/{database}", "", ""))
