"""Settings of monitor."""

from typing import Annotated, Self

from fp_runtime import Address, EventSettings, PostgresSettings, S3Settings, ServiceSettings
from pydantic import Field, model_validator


class Settings(ServiceSettings, PostgresSettings, EventSettings, S3Settings):
    """auth_addr: host:port of auth, for API keys and this service's own token.
    registry_addr, pipeline_addr: of peers, which say whether a model and a pipeline that are configured exist.

    monitor_poll_seconds: between looks for windows whose time is over, and for reports when no signal came.
    monitor_retention_days: how long a prediction waits for its label, from the day of its request id; a loan's takes
        longer than a click's. Until so long after a promotion, labels of the version before are judged.
    monitor_unlabelled_days: predictions of a model are stored until no label came for so long, and again once one
        comes.
    monitor_report_days: how long reports and gaps in the traffic are stored; the newest report of each monitor stays.
    monitor_baseline_days: how long the profile of a version is stored after another one was promoted, for ResetBaseline
        and for labels that come late: at least monitor_retention_days.
    """

    auth_addr: Address
    registry_addr: Address
    pipeline_addr: Address
    monitor_poll_seconds: Annotated[float, Field(gt=0, le=3_600)] = 1.0
    monitor_retention_days: Annotated[int, Field(ge=1, le=3_650)] = 60
    monitor_unlabelled_days: Annotated[int, Field(ge=1, le=3_650)] = 14
    monitor_report_days: Annotated[int, Field(ge=1, le=3_650)] = 400
    monitor_baseline_days: Annotated[int, Field(ge=1, le=3_650)] = 400

    @model_validator(mode="after")
    def _baselines_outlive_labels(self) -> Self:
        if self.monitor_baseline_days < self.monitor_retention_days:
            raise ValueError("monitor_baseline_days must be at least monitor_retention_days: labels need the baseline")
        return self
