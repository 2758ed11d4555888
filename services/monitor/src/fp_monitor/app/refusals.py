"""Refusals and their reason codes. What belongs to another team answers like what does not exist."""

from fp_kernel import FailedPrecondition, NotFound


def no_monitor(model_name: str) -> NotFound:
    return NotFound(f"model {model_name} has no monitor", reason="MONITOR_NOT_FOUND")


def no_model(model_name: str) -> NotFound:
    return NotFound(f"no model {model_name}", reason="MODEL_NOT_FOUND")


def no_report(report_id: str) -> NotFound:
    return NotFound(f"no report {report_id}", reason="REPORT_NOT_FOUND")


def no_baseline(model_name: str, version: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"baseline_version: version {version} of {model_name} has no baseline here; it arrives with the version's "
        "promotion, and goes long after another version's",
        reason="BASELINE_UNKNOWN",
    )


def nothing_in_production(model_name: str) -> FailedPrecondition:
    return FailedPrecondition(f"no version of {model_name} is in production", reason="NOTHING_IN_PRODUCTION")


def no_log(model_name: str) -> NotFound:
    return NotFound(f"model {model_name} has no prediction log", reason="PREDICTION_LOG_NOT_FOUND")


def no_prediction(request_id: str) -> NotFound:
    return NotFound(f"no logged prediction {request_id}", reason="PREDICTION_NOT_FOUND")
