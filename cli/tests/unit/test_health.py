from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_cli import health
from fp_cli.messages import plain

HEALTH = pb.ModelHealth(
    model_name="m",
    overall_severity=pb.DRIFT_SEVERITY_WARNING,
    severity_by_type={pb.DRIFT_TYPE_DATA: pb.DRIFT_SEVERITY_WARNING},
    state=pb.MONITOR_STATE_ACTIVE,
)


def test_each_kind_of_drift_has_its_column():
    found = health.facts(HEALTH)

    assert (found["overall"], found["data"], found["performance"]) == ("WARNING", "WARNING", "")
    assert set(health.COLUMNS) <= found.keys()


def test_health_that_is_not_judged_says_why():
    found = health.facts(pb.ModelHealth(reason="paused", unwatched_predictions=3, unwatched_version="2"))

    assert (found["overall"], found["reason"]) == ("UNSPECIFIED", "paused")
    assert (found["unwatched_predictions"], found["unwatched_version"]) == (3, "2")


def test_a_monitor_is_told_in_one_level():
    threshold = pb.ThresholdConfig(drift_type=pb.DRIFT_TYPE_PERFORMANCE, warn_score=0.05, critical_score=0.1)
    status = pb.MonitorStatus(
        monitor=pb.Monitor(model_name="m", thresholds=[threshold]),
        current_window_samples=7,
        unwatched_predictions=4,
        latest_report=pb.DriftReport(id="r", drift_type=pb.DRIFT_TYPE_DATA, severity=pb.DRIFT_SEVERITY_OK),
    )

    found = health.summary(plain(status))

    assert found["thresholds"] == ["PERFORMANCE 0.05 0.1"]
    assert found["latest_report"] == "DATA OK r"
    assert (found["current_window_samples"], found["unwatched_predictions"]) == (7, 4)


def test_a_monitor_stays_as_it_is_configured():
    monitor = pb.Monitor(model_name="m", window_size=9, auto_retrain=True, retrain_pipeline_id="p")
    monitor.retrain_cooldown.FromSeconds(5)

    request = health.configuration(monitor)

    assert (request.window_size, request.retrain_pipeline_id, request.retrain_cooldown.seconds) == (9, "p", 5)


def test_a_statistic_without_a_held_out_value_is_not_compared_with_zero():
    report = pb.DriftReport()
    report.metrics.add(name="accuracy", current_value=0.6, p_value=1.0)
    report.metrics.add(name="auc", score=0.04, baseline_value=0.65, current_value=0.62, p_value=0.3)
    report.metrics.add(name="temp", method=pb.DRIFT_METHOD_PSI, score=0.3, p_value=0.001)

    accuracy, auc, temp = health.statistics(plain(report))

    assert (accuracy["score"], accuracy["baseline_value"], accuracy["p_value"]) == ("", "", "")
    assert accuracy["current_value"] == 0.6
    assert (auc["method"], auc["score"], auc["baseline_value"]) == ("", 0.04, 0.65)
    assert (temp["method"], temp["baseline_value"]) == ("PSI", 0)


def test_a_report_is_a_line(capsys):
    health.line(pb.DriftReport(id="r", model_name="m\x1b", model_version="2", sample_count=5, retrain_requested=True))

    assert "m\\x1b@2" in capsys.readouterr().out
