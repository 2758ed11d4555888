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


def test_a_monitor_is_told_in_one_level():
    threshold = pb.ThresholdConfig(drift_type=pb.DRIFT_TYPE_PERFORMANCE, warn_score=0.05, critical_score=0.1)
    status = pb.MonitorStatus(
        monitor=pb.Monitor(model_name="m", thresholds=[threshold]),
        current_window_samples=7,
        latest_report=pb.DriftReport(id="r", drift_type=pb.DRIFT_TYPE_DATA, severity=pb.DRIFT_SEVERITY_OK),
    )

    found = health.told(plain(status))

    assert found["thresholds"] == ["PERFORMANCE 0.05 0.1"]
    assert found["latest_report"] == "DATA OK r"
    assert found["current_window_samples"] == 7


def test_a_monitor_stays_as_it_is_configured():
    monitor = pb.Monitor(model_name="m", window_size=9, auto_retrain=True, retrain_pipeline_id="p")
    monitor.retrain_cooldown.FromSeconds(5)

    request = health.configuration(monitor)

    assert (request.window_size, request.retrain_pipeline_id, request.retrain_cooldown.seconds) == (9, "p", 5)


def test_a_report_is_a_line(capsys):
    health.line(pb.DriftReport(id="r", model_name="m\x1b", model_version="2", sample_count=5, retrain_requested=True))

    assert "m\\x1b@2" in capsys.readouterr().out
