"""Settings of the feature store."""

from typing import Annotated

from fp_runtime import Address, EventSettings, PostgresSettings, RedisSettings, ServiceSettings
from pydantic import Field


class Settings(ServiceSettings, PostgresSettings, EventSettings, RedisSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    featurestore_trim_hours: between two looks for history that is past its view's retention; no read lasts as long.
    """

    auth_addr: Address
    featurestore_trim_hours: Annotated[float, Field(ge=1, le=24 * 7)] = 6.0
