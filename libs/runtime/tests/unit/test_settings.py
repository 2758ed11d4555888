from urllib.parse import parse_qsl, urlsplit

import pytest
from fp_runtime import InvalidSettings, PostgresSettings, RedisSettings, S3Settings, ServiceSettings, load
from fp_runtime.fields import Address
from pydantic import Field

SECRET = "s" * 32


class Settings(ServiceSettings, PostgresSettings):
    auth_addr: Address
    weights: dict[str, int] = Field(default_factory=dict)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    values = {
        "FP_AUTH_ISSUER": "http://auth:8080/",
        "FP_SERVICE_SECRET": SECRET,
        "FP_DATABASE_URL": "postgresql://fp_test:hidden@db:5432/fp_test",
        "FP_AUTH_ADDR": "auth:9090",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_field_comes_from_the_variable_with_the_prefix_and_its_name():
    settings = load(Settings)

    assert settings.auth_addr == "auth:9090"
    assert settings.auth_issuer == "http://auth:8080"
    assert settings.database_url.get_secret_value().endswith("@db:5432/fp_test")
    assert (settings.grpc_port, settings.http_port) == (9090, 8080)


def test_secrets_do_not_show_when_settings_are_printed():
    text = f"{load(Settings)!r} {load(Settings)}"

    assert SECRET not in text
    assert "hidden" not in text


def test_every_missing_variable_is_named_in_one_line(environment):
    environment.delenv("FP_DATABASE_URL")
    environment.delenv("FP_SERVICE_SECRET")

    with pytest.raises(InvalidSettings) as caught:
        load(Settings)

    assert "FP_DATABASE_URL is missing" in str(caught.value)
    assert "FP_SERVICE_SECRET is missing" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_variable_counts_as_missing(environment):
    environment.setenv("FP_DATABASE_URL", "")

    with pytest.raises(InvalidSettings, match="FP_DATABASE_URL is missing"):
        load(Settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FP_GRPC_PORT", "70000"),
        ("FP_GRPC_PORT", "http"),
        ("FP_LOG_LEVEL", "loud"),
        ("FP_ENV", "staging"),
        ("FP_AUTH_ADDR", "auth"),
        ("FP_AUTH_ADDR", "auth:0"),
        ("FP_AUTH_ISSUER", "auth:8080"),
        ("FP_DATABASE_URL", "mysql://u:hidden@db/x"),
        ("FP_DATABASE_URL", "postgresql://u:hidden@db:port/x"),
        ("FP_SERVICE_SECRET", "hidden"),
        ("FP_REFLECTION", "perhaps"),
        ("FP_DRAIN_TIMEOUT", "0"),
        ("FP_WEIGHTS", "{hidden"),
    ],
)
def test_an_invalid_variable_is_named_without_its_value_in_one_line(environment, name, value):
    environment.setenv(name, value)

    with pytest.raises(InvalidSettings) as caught:
        load(Settings)

    assert f"{name} is invalid" in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_servers_of_one_cluster_are_separated_by_commas(environment):
    environment.setenv("FP_DATABASE_URL", "postgresql://u:p@one:5432/x,postgresql://u:p@two:5432/x")

    assert "two" in load(Settings).database_url.get_secret_value()


def test_stores_bring_their_own_variables(environment):
    class Both(RedisSettings, S3Settings):
        """A service with two stores."""

    environment.setenv("FP_REDIS_URL", "redis://:hidden@cache:6379/0")

    with pytest.raises(InvalidSettings) as caught:
        load(Both)

    assert {word for word in str(caught.value).split() if word.startswith("FP_")} == {
        "FP_S3_ENDPOINT",
        "FP_S3_PUBLIC_ENDPOINT",
        "FP_S3_BUCKET",
        "FP_S3_ACCESS_KEY",
        "FP_S3_SECRET_KEY",
    }


@pytest.fixture
def authorities(tmp_path):
    file = tmp_path / "ca.crt"
    file.touch()
    return str(file)


def test_a_file_of_authorities_makes_the_urls_of_stores_verify(environment, authorities):
    environment.setenv("FP_DATABASE_URL", "postgresql://u:p@db:5432/d?sslmode=disable&target_session_attrs=any")
    environment.setenv("FP_DATABASE_CA_FILE", authorities)
    environment.setenv("FP_REDIS_URL", "redis://u:p@r:1/0")
    environment.setenv("FP_REDIS_CA_FILE", authorities)

    database = urlsplit(load(PostgresSettings).database_url.get_secret_value())
    redis = urlsplit(load(RedisSettings).redis_url.get_secret_value())

    assert (database.scheme, database.netloc, database.path) == ("postgresql", "u:p@db:5432", "/d")
    assert dict(parse_qsl(database.query)) == {
        "sslmode": "verify-full",
        "sslrootcert": authorities,
        "target_session_attrs": "any",
    }
    assert (redis.scheme, redis.netloc, redis.path) == ("rediss", "u:p@r:1", "/0")
    assert dict(parse_qsl(redis.query))["ssl_cert_reqs"] == "required"


def test_a_file_of_authorities_for_an_object_store_without_tls_is_refused(environment, authorities):
    names = ("FP_S3_ENDPOINT", "FP_S3_PUBLIC_ENDPOINT", "FP_S3_BUCKET", "FP_S3_ACCESS_KEY", "FP_S3_SECRET_KEY")
    for name in names:
        environment.setenv(name, "http://s3:8333")
    environment.setenv("FP_S3_CA_FILE", authorities)

    with pytest.raises(InvalidSettings, match="FP_S3_CA_FILE"):
        load(S3Settings)


def test_a_file_of_authorities_that_is_not_there_is_named(environment):
    environment.setenv("FP_DATABASE_CA_FILE", "/nowhere/ca.crt")

    with pytest.raises(InvalidSettings, match="FP_DATABASE_CA_FILE"):
        load(PostgresSettings)
