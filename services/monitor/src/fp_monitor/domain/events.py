"""What others may act on."""

from dataclasses import dataclass
from datetime import datetime

from fp_monitor.domain.report import Report


@dataclass(frozen=True, slots=True)
class DriftDetected:
    """retrain_pipeline_id: not empty when the report asks for a new model, with outcomes known up to newest_label."""

    report: Report
    model_id: str
    retrain_pipeline_id: str = ""
    newest_label: datetime | None = None
