"""Settings of the feature store."""

from fp_runtime import Address, EventSettings, PostgresSettings, RedisSettings, ServiceSettings


class Settings(ServiceSettings, PostgresSettings, EventSettings, RedisSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token."""

    auth_addr: Address
