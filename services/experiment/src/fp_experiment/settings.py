"""Settings of the experiment service."""

from typing import Annotated

from fp_runtime import Address, EventSettings, PostgresSettings, ServiceSettings
from pydantic import Field, model_validator

from fp_experiment.domain.batching import BatchPolicy


class Settings(ServiceSettings, PostgresSettings, EventSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    experiment_batch_rows: points and lineage rows written in one transaction, about; more make it no faster.
    experiment_batch_seconds: how long the first entry of a batch waits for others; every LogMetrics waits so long at
    least.
    experiment_backlog_rows: rows that may wait in memory, about 300 bytes each; beyond them LogMetrics is refused and
    events wait unacknowledged.
    """

    auth_addr: Address
    experiment_batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    experiment_batch_seconds: Annotated[float, Field(ge=0, le=10)] = 0.01
    experiment_backlog_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000

    @model_validator(mode="after")
    def _backlog_holds_a_batch(self) -> "Settings":
        if self.experiment_batch_rows > self.experiment_backlog_rows:
            raise ValueError("FP_EXPERIMENT_BATCH_ROWS must not be more than FP_EXPERIMENT_BACKLOG_ROWS")
        return self

    @property
    def batch_policy(self) -> BatchPolicy:
        return BatchPolicy(
            rows=self.experiment_batch_rows, age=self.experiment_batch_seconds, capacity=self.experiment_backlog_rows
        )
