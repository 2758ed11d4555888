from fp_runtime import PostgresSettings, ServiceSettings
from fp_runtime.masking import without_secrets


class Settings(ServiceSettings, PostgresSettings):
    """A service with a database."""


def test_a_message_of_a_driver_loses_the_url_and_the_password_it_quotes():
    settings = Settings(
        auth_issuer="http://auth:8080",
        service_secret="s" * 32,
        database_url="postgresql://fp:p%40ss-word@db:5432/fp",
    )

    text = without_secrets(
        "cannot use postgresql://fp:p%40ss-word@db:5432/fp: password p@ss-word refused, secret " + "s" * 32, settings
    )

    assert text == "cannot use ***: password *** refused, secret ***"
