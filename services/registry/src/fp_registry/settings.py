"""Settings of the registry."""

from typing import Annotated

from fp_runtime import Address, EventSettings, PostgresSettings, RedisSettings, S3Settings, ServiceSettings
from pydantic import Field

_MIB = 1024 * 1024


class Settings(ServiceSettings, PostgresSettings, EventSettings, RedisSettings, S3Settings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    registry_verify_inline_bytes: larger uploads are measured in the background, so that confirming one ends within
    about a second.
    registry_artifact_max_bytes: larger uploads are refused; the S3 API neither writes nor copies more in one request.
    registry_verify_threads: uploads hashed at the same time; each reads in pieces of a mebibyte.
    registry_upload_patience_days: a version whose artifact is not confirmed by then is FAILED and its upload deleted.
    registry_position_patience: seconds a read waits for the projection before it asks Postgres.
    """

    auth_addr: Address
    registry_verify_inline_bytes: Annotated[int, Field(ge=0)] = 32 * _MIB
    registry_artifact_max_bytes: Annotated[int, Field(gt=0, le=5 * 1024 * _MIB)] = 5 * 1024 * _MIB
    registry_verify_threads: Annotated[int, Field(ge=1, le=16)] = 2
    registry_upload_patience_days: Annotated[int, Field(ge=1, le=365)] = 7
    registry_position_patience: Annotated[float, Field(ge=0, le=10)] = 1.0
