from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_cli import run_tables
from fp_cli.messages import plain


def comparison(run_id, name, depth, loss):
    run = pb.Run(
        id=run_id,
        display_name=name,
        status=pb.RUN_STATUS_FINISHED,
        params=[pb.Param(key="depth", value=depth), pb.Param(key="seed", value="1")],
        final_metrics=[pb.MetricPoint(key="loss", value=loss), pb.MetricPoint(key="auc", value=0.7)],
    )
    return plain(pb.RunComparison(run=run, series=[pb.MetricSeries(key="loss", points=run.final_metrics[:1])]))


ONE, TWO = comparison("run-00000001", "winter", "6", 0.3), comparison("run-00000002", "summer", "7", 0.2)


def test_runs_stand_side_by_side():
    columns, items = run_tables.side_by_side([ONE, TWO], [], differing=False)

    assert columns == ["key", "winter", "summer"]
    assert [item["key"] for item in items] == [
        "id", "status", "params.depth", "params.seed", "metrics.auc", "metrics.loss"
    ]  # fmt: skip
    assert items[-1] == {"key": "metrics.loss", "winter": 0.3, "summer": 0.2}


def test_only_what_differs_and_the_metrics_asked_for():
    _, items = run_tables.side_by_side([ONE, TWO], ["loss"], differing=True)

    assert [item["key"] for item in items] == ["id", "params.depth", "metrics.loss"]


def test_runs_of_one_name_are_told_apart():
    same = comparison("run-00000003", "winter", "6", 0.3)

    assert run_tables.side_by_side([ONE, same], [], differing=False)[0] == ["key", "winter 00000001", "winter 00000003"]


def test_a_run_is_told_with_what_it_read():
    run = pb.Run(inputs=[pb.DataInput(view="flights")])
    run.inputs[0].as_of.FromSeconds(0)

    assert run_tables.brief(plain(run))["inputs"] == ["flights as_of 1970-01-01T00:00:00Z"]
