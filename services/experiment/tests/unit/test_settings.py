import pytest
from fp_experiment.settings import Settings
from pydantic import SecretStr, ValidationError


def settings(**changes):
    stores = {"database_url": SecretStr("postgres://u@h/d"), "nats_url": SecretStr("nats://h:1")}
    return Settings(
        **stores, auth_addr="h:1", auth_issuer="http://h", service_secret=SecretStr("s" * 32), env="dev", **changes
    )


def test_a_backlog_holds_a_batch_at_least():
    assert settings().batch_policy.capacity >= settings().batch_policy.rows
    with pytest.raises(ValidationError, match="FP_EXPERIMENT_BATCH_ROWS"):
        settings(experiment_batch_rows=100, experiment_backlog_rows=99)
