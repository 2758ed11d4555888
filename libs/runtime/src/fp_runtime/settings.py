"""Settings come from `FP_` variables of the environment and from nowhere else."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from fp_kernel.trust import verified_postgres, with_query
from pydantic import Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from fp_runtime.fields import HttpUrl, NatsUrl, PostgresUrl, RedisUrl

PREFIX = "FP_"

Port = Annotated[int, Field(ge=0, le=65_535)]


class _Environment(BaseSettings):
    # An empty variable counts as absent: charts and compose files pass empty strings for what is not set.
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)


class ServiceSettings(_Environment):
    """What every service needs; a service's own settings derive from it.

    grpc_port, http_port: 0 takes a free port.
    https_port: where own routes answer when there are certificates; health and metrics stay on http_port, in plain.
    tls_cert_file, tls_key_file: the service's certificate for `spiffe://forgepoint/<noun>`, and its key, in PEM.
    tls_ca_file: authorities that its peers' certificates must be of. All three or none; they are read again when they
    change. With them the service speaks mutual TLS, as server and as client; without, clear text.
    bind_host: address to listen on; the dev stack gives loopback.
    auth_issuer: URL of auth's HTTP address; the `iss` of tokens, and where the JWKS is.
    service_secret: the service's own credential; it has no default.
    edge_proof: what the edge shares with this service alone, to prove whose address it tells; none without an edge.
    principal_rate, principal_crowd, principal_calls: what one proven caller may have of this process: calls a second (a
    change counts as five) once so many single calls of all callers are under way (0: always), and calls under way.
    otel_endpoint: OTLP/HTTP collector; without it nothing is exported.
    drain_delay: seconds between "not ready" and refusing new calls, so that balancers notice; 0 on a laptop.
    drain_timeout: seconds that running calls and handlers get to end after that.
    """

    grpc_port: Port = 9090
    http_port: Port = 8080
    https_port: Port = 8443
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    bind_host: str = "0.0.0.0"
    auth_issuer: HttpUrl
    service_secret: SecretStr = Field(min_length=16)
    edge_proof: SecretStr | None = Field(default=None, min_length=16)
    principal_rate: Annotated[float, Field(gt=0)] = 500.0
    principal_crowd: Annotated[int, Field(ge=0)] = 256
    principal_calls: Annotated[int, Field(ge=1)] = 1_000
    otel_endpoint: HttpUrl | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    env: Literal["dev", "prod"] = "prod"
    reflection: bool = False
    drain_delay: Annotated[float, Field(ge=0, le=60)] = 0.0
    drain_timeout: Annotated[float, Field(gt=0, le=300)] = 10.0


class PostgresSettings(_Environment):
    """database_ca_file: the authorities whose certificate the server must have, for the name by which it is called;
    without it the URL says how it is trusted (`sslmode`). As in the settings of the other stores, each connection reads
    the file anew, and a server that speaks no TLS is refused where there is one.
    """

    database_url: PostgresUrl
    database_ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _trusting(self) -> Self:
        if self.database_ca_file is not None:
            url = verified_postgres(self.database_url.get_secret_value(), self.database_ca_file)
            _set(self, "database_url", SecretStr(url))
        return self


class EventSettings(_Environment):
    nats_url: NatsUrl
    nats_ca_file: FilePath | None = None


class RedisSettings(_Environment):
    """redis_timeout: seconds that a read waits for Redis before it goes where it goes without Redis; short, since a
    caller waits behind it.
    """

    redis_url: RedisUrl
    redis_ca_file: FilePath | None = None
    redis_timeout: Annotated[float, Field(gt=0)] = 0.5

    @model_validator(mode="after")
    def _trusting(self) -> Self:
        if self.redis_ca_file is not None:
            given = {"ssl_ca_certs": str(self.redis_ca_file), "ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
            _set(self, "redis_url", SecretStr(with_query(self.redis_url.get_secret_value(), "rediss", given)))
        return self


class S3Settings(_Environment):
    """s3_public_endpoint: the address that presigned URLs name, as clients outside reach it.

    s3_region: what the object store calls itself; URLs are signed for it.
    """

    s3_endpoint: HttpUrl
    s3_public_endpoint: HttpUrl
    s3_bucket: str
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_region: str = "us-east-1"
    s3_ca_file: FilePath | None = None

    @model_validator(mode="after")
    def _trusting(self) -> Self:
        if self.s3_ca_file is not None and not self.s3_endpoint.startswith("https://"):
            raise ValueError("FP_S3_CA_FILE is for an FP_S3_ENDPOINT that starts with https://")
        return self


class InvalidSettings(Exception):
    """Settings that cannot be used; the message is one line that names each variable and no value."""


Settings = TypeVar("Settings", bound=BaseSettings)


def load(settings_class: type[Settings], given: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment. given: variables of somebody else's, which come before our own.

    Raises InvalidSettings naming each variable that is missing or invalid.
    """
    named = given or {}
    fields = ((field, named.get(variable(field))) for field in settings_class.model_fields)
    chosen: dict[str, Any] = {field: text for field, text in fields if text}
    try:
        return settings_class(**chosen)
    except ValidationError as error:
        raise InvalidSettings("; ".join(_problems(error))) from None
    except SettingsError as error:
        raise InvalidSettings(_unreadable(error)) from None


def variable(field: str) -> str:
    """The name of the variable of a field."""
    return f"{PREFIX}{field}".upper()


def _set(settings: BaseSettings, field: str, value: object) -> None:
    """While they are built; afterwards they are frozen."""
    object.__setattr__(settings, field, value)


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = variable(str(problem["loc"][0])) if problem["loc"] else "settings"
        if problem["type"] == "missing":
            yield f"{name} is missing"
        else:
            yield f"{name} is invalid: {problem['msg'].removeprefix('Value error, ')}"


def _unreadable(error: SettingsError) -> str:
    # pydantic-settings names the field in quotes, and nothing else of the message is stable.
    _, _, rest = str(error).partition('"')
    field, _, _ = rest.partition('"')
    return f"{variable(field)} is invalid: must be JSON"
