"""Settings of the experiment service."""

from datetime import timedelta
from typing import Annotated

from fp_runtime import Address, EventSettings, PostgresSettings, ServiceSettings
from pydantic import Field, model_validator

from fp_experiment.domain.batching import BatchPolicy


class Settings(ServiceSettings, PostgresSettings, EventSettings):
    """auth_addr: host:port of auth, for API keys and this service's own token.

    experiment_batch_rows: points and lineage rows written in one transaction, about; more make it no faster.
    experiment_batch_seconds: how long the first entry of a batch waits for others; every LogMetrics waits so long at
    least. What comes during a write shares the next one anyhow: with 0.01 in place of 0, sixteen callers of single
    points had less than half the calls per second, and large calls were no faster.
    experiment_points_days: days that points stay after the end of the month in which their run began; runs keep their
    newest metrics and parameters.
    experiment_runs_days: days after its end that a run stays, with everything of it; 0 is for ever.
    experiment_backlog_rows: rows that may wait in memory, about 300 bytes each; beyond them LogMetrics is refused and
    events wait unacknowledged.
    """

    auth_addr: Address
    experiment_batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    experiment_batch_seconds: Annotated[float, Field(ge=0, le=10)] = 0.0
    experiment_backlog_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000
    experiment_points_days: Annotated[int, Field(ge=31, le=36_500)] = 730
    experiment_runs_days: Annotated[int, Field(ge=0, le=36_500)] = 0

    @model_validator(mode="after")
    def _backlog_holds_a_batch(self) -> "Settings":
        if self.experiment_batch_rows > self.experiment_backlog_rows:
            raise ValueError("FP_EXPERIMENT_BATCH_ROWS must not be more than FP_EXPERIMENT_BACKLOG_ROWS")
        return self

    @property
    def points_keep(self) -> timedelta:
        return timedelta(days=self.experiment_points_days)

    @property
    def runs_retained(self) -> timedelta | None:
        """None for ever."""
        return timedelta(days=self.experiment_runs_days) if self.experiment_runs_days else None

    @property
    def batch_policy(self) -> BatchPolicy:
        return BatchPolicy(
            rows=self.experiment_batch_rows, age=self.experiment_batch_seconds, capacity=self.experiment_backlog_rows
        )
