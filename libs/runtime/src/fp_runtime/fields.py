"""Types of settings, so that a wrong value is named at the start and not at its first use.

URLs of stores hold passwords, therefore they are secrets as a whole.
"""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

_MAX_PORT = 65_535


def _address(value: str) -> str:
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
        raise ValueError("must be host:port")
    return value


def _check(value: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"must be a URL that starts with {schemes[0]}://")


def _secret_url(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        # Servers of one cluster are separated by commas.
        for url in value.get_secret_value().split(","):
            _check(url, schemes)
        return value

    return check


def _http(value: str) -> str:
    _check(value, ("http", "https"))
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
"""host:port of a peer."""

HttpUrl = Annotated[str, AfterValidator(_http)]
"""An http or https URL without its last slash."""

PostgresUrl = Annotated[SecretStr, AfterValidator(_secret_url("postgresql", "postgres"))]
NatsUrl = Annotated[SecretStr, AfterValidator(_secret_url("nats", "tls"))]
RedisUrl = Annotated[SecretStr, AfterValidator(_secret_url("redis", "rediss"))]
