"""fp predictions: what models were asked and answered, as far as it is logged."""

from pathlib import Path

import typer

from fp_cli.output import State, document, done, record, rows, say, streamed

app = typer.Typer(help="The prediction log: what models were asked and answered.", no_args_is_help=True)
MODEL = typer.Argument(help="Name of the model.")
SINCE = typer.Option("", help="Answered at this time or later, such as 2013-03-01T12:00:00Z.")
UNTIL = typer.Option("", help="And before this one.")
VERSION = typer.Option("", help="Of this version; default: of all.")
_POLICY = ("model_name", "sample_bps", "retention_days", "masked", "updated_at")
_ROW = ("request_id", "answered_at", "version", "rows", "inputs", "outputs")


@app.command("log")
def set_log(
    context: typer.Context,
    model: str = MODEL,
    sample: str = typer.Option("100%", help="Share of the predictions, such as 5% or 0.25%; 0% logs no more."),
    mask: list[str] = typer.Option([], help="Tensor or column whose values are left out; repeat it for more."),
    days: int = typer.Option(30, min=1, max=3_650, help="How long they stay."),
) -> None:
    """Log predictions of a model from now on. What is not named as masked is stored as it was sent."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import client as clients
    from fp_cli import prediction_logs
    from fp_cli.messages import plain

    state: State = context.obj
    request = pb.SetPredictionLogRequest(
        model_name=model,
        sample_bps=prediction_logs.basis_points(sample),
        masked=mask,
        retention_days=days,
        idempotency_key=clients.idempotency_key(""),
    )
    with clients.connect(state) as client:
        found = client.call(prediction_logs.stub(client).SetPredictionLog, request).log
    record(state, plain(found), _POLICY)


@app.command("logs")
def list_logs(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List the models with a log."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import prediction_logs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = prediction_logs.stub(client)
        found = client.pages(stub.ListPredictionLogs, pb.ListPredictionLogsRequest(), "logs", limit)
        rows(state, _POLICY, [plain(each) for each in found])


@app.command("stored")
def show_log(context: typer.Context, model: str = MODEL) -> None:
    """Show the policy of a model and how much is stored by it."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import prediction_logs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client, prediction_logs.advised():
        found = plain(
            client.call(prediction_logs.stub(client).GetPredictionLog, pb.GetPredictionLogRequest(model_name=model))
        )
    record(state, found if state.structured else found.pop("log") | found)


@app.command("list")
def list_predictions(
    context: typer.Context,
    model: str = MODEL,
    version: str = VERSION,
    since: str = SINCE,
    until: str = UNTIL,
    limit: int = typer.Option(20, min=1),
) -> None:
    """List logged predictions, newest first."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import moments, prediction_logs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = pb.ListPredictionsRequest(
        model_name=model,
        version=version,
        since=moments.stamp(since, "since"),
        until=moments.stamp(until, "until"),
    )
    with connect(state) as client:
        stub = prediction_logs.stub(client)
        found = list(client.pages(stub.ListPredictions, request, "predictions", limit))
    if state.structured:
        document(state, [plain(each) for each in found])
    else:
        rows(state, _ROW, [prediction_logs.row(each) for each in found])


@app.command("get")
def get_prediction(
    context: typer.Context, model: str = MODEL, request_id: str = typer.Argument(help="As its answer said.")
) -> None:
    """Show one logged prediction."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import prediction_logs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = pb.GetPredictionRequest(model_name=model, request_id=request_id)
    with connect(state) as client, prediction_logs.advised():
        found = client.call(prediction_logs.stub(client).GetPrediction, request).prediction
    record(state, plain(found) if state.structured else prediction_logs.row(found))


@app.command("export")
def export(
    context: typer.Context,
    model: str = MODEL,
    folder: Path = typer.Argument(help="Where the Parquet files go; it is made."),
    version: str = VERSION,
    since: str = SINCE,
    until: str = UNTIL,
) -> None:
    """Write logged predictions as Parquet files, the newest in the first."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import moments, prediction_logs
    from fp_cli.client import connect

    state: State = context.obj
    request = pb.ExportPredictionsRequest(
        model_name=model,
        version=version,
        since=moments.stamp(since, "since"),
        until=moments.stamp(until, "until"),
    )
    files = predictions = 0
    with connect(state) as client:
        pieces = client.stream(prediction_logs.stub(client).ExportPredictions, request)
        for path, number in prediction_logs.written(pieces, folder):
            files, predictions = files + 1, predictions + number
            streamed(state, {"file": str(path), "predictions": number})
    if not state.structured:
        done(state, f"{predictions} predictions in {files} files", files=files, predictions=predictions)


@app.command("erase")
def erase(
    context: typer.Context,
    model: str = MODEL,
    request_ids: list[str] = typer.Argument(help="Of the predictions, at most 1000."),
) -> None:
    """Erase single predictions from the log for ever."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import client as clients
    from fp_cli import prediction_logs

    state: State = context.obj
    request = pb.ErasePredictionsRequest(
        model_name=model, request_ids=request_ids, idempotency_key=clients.idempotency_key("")
    )
    with clients.connect(state) as client, prediction_logs.advised():
        client.call(prediction_logs.stub(client).ErasePredictions, request)
    done(state, f"{len(request_ids)} predictions of {model} are erased", model_name=model, erased=len(request_ids))


@app.command("forget")
def forget(
    context: typer.Context,
    entity: str = typer.Argument(help="NAME=VALUE: an input, or a column of one, and whom it names: customer=42."),
    model: str = typer.Option("", help="Of this model; default: of every model with a log."),
) -> None:
    """Erase all logged predictions about somebody for ever. Values of feature views are none, and stay."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import client as clients
    from fp_cli import pairs, prediction_logs

    state: State = context.obj
    ((name, value),) = pairs.texts([entity], "entity").items()
    about = pb.LoggedEntity(name=name, value=value)
    with clients.connect(state) as client, prediction_logs.advised():
        stub = prediction_logs.stub(client)
        models = [model] if model else prediction_logs.names(client)
        for each in models:
            request = pb.ErasePredictionsRequest(
                model_name=each, entity=about, idempotency_key=clients.idempotency_key("")
            )
            client.call(stub.ErasePredictions, request)
    done(state, f"{name} {value} is erased from {len(models)} logs", entity=entity, models=models)
    say(state, "what feature views have of it stays: their history has no erasure yet", aside=True)


@app.command("delete")
def delete(context: typer.Context, model: str = MODEL) -> None:
    """Log no more of a model, and delete all that was logged of it."""
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb

    from fp_cli import client as clients
    from fp_cli import prediction_logs

    state: State = context.obj
    request = pb.DeletePredictionLogRequest(model_name=model, idempotency_key=clients.idempotency_key(""))
    with clients.connect(state) as client:
        client.call(prediction_logs.stub(client).DeletePredictionLog, request)
    done(state, f"the prediction log of {model} is deleted", model_name=model, deleted=True)
