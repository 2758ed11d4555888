"""fp pipelines."""

from pathlib import Path

import typer

from fp_cli.output import State, record, rows, say, streamed

app = typer.Typer(help="Pipelines and their executions.", no_args_is_help=True)
_PIPELINE = ("name", "type", "created_at", "steps", "id")
_EXECUTION = ("id", "status", "pipeline_name", "started_at", "completed_at", "current_step", "error", "triggered_by")
_STEP = ("step_id", "status", "found", "attempt", "completed_at", "error")


@app.command("list")
def list_pipelines(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List pipelines."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        found = client.pages(stub.ListPipelines, pipeline_pb2.ListPipelinesRequest(), "pipelines", limit)
        items = [plain(pipeline) for pipeline in found]
    if not state.structured:
        for item in items:
            item["steps"] = [step["id"] for step in item["steps"]]
    rows(state, _PIPELINE, items)


@app.command("apply")
def apply(
    context: typer.Context,
    file: Path = typer.Argument(
        help="JSON or YAML of a CreatePipelineRequest; - reads standard input.", allow_dash=True
    ),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Create a pipeline, or give the one of this name these steps; executions under way keep theirs."""
    from fp_cli import definitions
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = definitions.read(file)
    with connect(state) as client:
        pipeline, outcome = definitions.apply(client, request, idempotency_key)
    record(state, plain(pipeline), ("id", "name", "type"))
    say(state, outcome)


@app.command("delete")
def delete(context: typer.Context, name: str = typer.Argument(help="Name or id of the pipeline.")) -> None:
    """Delete a pipeline that has no open execution; its executions stay, and its name stays taken."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        found = names.pipeline(client, name)
        client.call(stub.DeletePipeline, pipeline_pb2.DeletePipelineRequest(pipeline_id=found.id))
    say(state, f"deleted {found.name}")


@app.command("trigger")
def trigger(
    context: typer.Context,
    name: str = typer.Argument(help="Name or id of the pipeline."),
    value: list[str] = typer.Option([], "--input", help="name=value, or a JSON object; may be given several times."),
    watch_it: bool = typer.Option(False, "--watch", help="Follow it to its end."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Start an execution."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import definitions, names, watching
    from fp_cli.messages import plain

    state: State = context.obj
    with clients.connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        request = pipeline_pb2.TriggerExecutionRequest(
            pipeline_id=names.pipeline(client, name).id, idempotency_key=clients.idempotency_key(idempotency_key)
        )
        request.input.update(definitions.inputs(value))
        execution = client.call(stub.TriggerExecution, request).execution
        if watch_it:
            watching.follow(client, state, execution.id, after=0)
            return
    record(state, plain(execution), ("id", "status"))
    say(state, f"follow it: fp pipelines watch {execution.id}")


@app.command("status")
def status(
    context: typer.Context,
    execution_id: str = typer.Argument("", help="Default: the newest executions."),
    limit: int = typer.Option(20, min=1),
) -> None:
    """Show an execution with its steps and what those that judge a version found, or the newest executions."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli import verdicts
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        if not execution_id:
            found = client.pages(stub.ListExecutions, pipeline_pb2.ListExecutionsRequest(), "executions", limit)
            rows(state, _EXECUTION, [plain(execution) for execution in found])
            return
        request = pipeline_pb2.GetExecutionRequest(execution_id=execution_id)
        execution = plain(client.call(stub.GetExecution, request).execution)
    record(state, execution, (*_EXECUTION, "input"))
    if not state.structured:
        say(state, "")
        rows(state, _STEP, [each | {"found": verdicts.of_step(each)} for each in execution["step_executions"]])


@app.command("watch")
def watch(
    context: typer.Context,
    execution_id: str,
    after: int = typer.Option(0, min=0, help="Only transitions after this number."),
) -> None:
    """Follow an execution to its end; exits 1 when it failed."""
    from fp_cli import watching
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        watching.follow(client, state, execution_id, after=after)


@app.command("logs")
def logs(
    context: typer.Context,
    execution_id: str,
    step: str = typer.Argument(help="Id of the step."),
    follow: bool = typer.Option(False, "-f", "--follow", help="Go on until the step ends."),
    after: int = typer.Option(0, min=0, help="Only lines after this number."),
) -> None:
    """Print the log of a step."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli.cells import printable
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        request = pipeline_pb2.StreamStepLogsRequest(
            execution_id=execution_id, step_id=step, after_line=after, follow=follow
        )
        for line in client.stream(stub.StreamStepLogs, request):
            if state.structured:
                streamed(state, plain(line))
            else:
                say(state, printable(line.text))


@app.command("cancel")
def cancel(context: typer.Context, execution_id: str, reason: str = typer.Option("")) -> None:
    """Ask for cancellation; finished steps are compensated."""
    from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(client.channel)
        request = pipeline_pb2.CancelExecutionRequest(execution_id=execution_id, reason=reason)
        response = client.call(stub.CancelExecution, request)
    record(state, plain(response.execution), ("id", "status"))
