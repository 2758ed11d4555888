"""fp models register, check."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.output import State, document, record, rows, say

if TYPE_CHECKING:
    from fp_cli.client import Client
    from fp_cli.conversion import Converted

_FILE = typer.Argument(
    help="An ONNX file, a model of scikit-learn (.pkl, .joblib), XGBoost (.json, .ubj) or LightGBM (.txt), or an "
    "ensemble of versions (.yaml).",
    exists=True,
    dir_okay=False,
    readable=True,
)
_UNPICKLE = typer.Option(False, "--unpickle", help="Read a pickle, which runs what is in it: only one that you made.")
_SAMPLE = typer.Option(
    None,
    "--sample",
    help="CSV file with a header, rows as the model was trained on: one input a column, texts where it has texts.",
    exists=True,
    dir_okay=False,
    readable=True,
)
_WARM_UP = typer.Option(
    None,
    "--warm-up",
    help="JSON file with samples: a list of objects of arrays by the name of the input. A runtime runs them before it "
    "says READY.",
    exists=True,
    dir_okay=False,
    readable=True,
)
_TENSOR = ("tensor", "role", "type", "shape", "note")


def add_to(app: typer.Typer) -> None:
    app.command("register")(register)
    app.command("check")(check)


def register(
    context: typer.Context,
    name: str = typer.Argument(help="Name of the model; it is created when the team has none of that name."),
    file: Path = _FILE,
    version: str = typer.Option("", help="Default: the next number."),
    description: str = typer.Option(""),
    task_type: str = typer.Option("", help="For example classification; only for a new model."),
    columns: str = typer.Option("", help="Names of the input's columns, comma-separated."),
    metric: list[str] = typer.Option([], help="name=value; may be given several times."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
    unpickle: bool = _UNPICKLE,
    sample: Path = _SAMPLE,
    warm_up: Path = _WARM_UP,
) -> None:
    """Register a version of a model from a file, converted where it is no ONNX: create, upload, confirm."""
    from fp_cli import pairs, upload
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    named = [column.strip() for column in columns.split(",") if column.strip()]
    with connect(state) as client:
        found = _made(state, client, file, sample, warm_up, unpickle=unpickle, columns=named)
        order = upload.Order(
            model=name,
            content=found.content,
            version=version,
            description=description,
            task_type=task_type,
            columns=named or found.columns,
            metrics=pairs.numbers(metric, "metric"),
            idempotency_key=idempotency_key,
        )
        registered = upload.register(client, order)
    record(state, plain(registered), ("id", "version", "status", "artifact_digest", "size_bytes"))
    say(
        state, f"deploy it: fp pipelines trigger deploy-model --input model={name} --input version={registered.version}"
    )


def check(
    context: typer.Context,
    file: Path = _FILE,
    unpickle: bool = _UNPICKLE,
    sample: Path = _SAMPLE,
    warm_up: Path = _WARM_UP,
) -> None:
    """Say what the platform will serve of a file and how fast it runs here; exit code 6 when it would refuse it.

    Of an ensemble, whether its steps fit: for that the platform is asked for them.
    """
    from fp_kernel import FailedPrecondition

    from fp_cli import ensemble_files, model_check, model_speed

    state: State = context.obj
    if ensemble_files.is_one(file):
        _refuse_beside_ensemble(warm_up=warm_up, sample=sample)
        _check_ensemble(state, file)
        return
    content = _read(state, file, sample, warm_up, unpickle=unpickle).content
    found = model_check.check(content)
    speed = "" if found.refusal else model_speed.measure(content, found.signature.inputs)
    if state.structured:
        document(state, model_check.document(found) | _speed(speed))
    else:
        rows(state, _TENSOR, model_check.tensors(found))
        shared = "callers share runs" if found.shares else f"one by one: {found.why}"
        record(state, {"size_bytes": len(content), "batching": shared} | _speed(speed))
    if found.refusal:
        raise FailedPrecondition(f"the platform would refuse it: {found.refusal}")


def _made(
    state: State,
    client: "Client",
    file: Path,
    sample: Path | None,
    warm_up: Path | None,
    *,
    unpickle: bool,
    columns: list[str],
) -> "Converted":
    from fp_cli import ensemble_files
    from fp_cli.conversion import Converted

    if not ensemble_files.is_one(file):
        return _read(state, file, sample, warm_up, unpickle=unpickle)
    _refuse_beside_ensemble(columns=columns, warm_up=warm_up, sample=sample)
    return Converted(ensemble_files.content_of(client, file)[0], "ensemble")


def _check_ensemble(state: State, file: Path) -> None:
    from fp_cli import ensemble_files, model_check
    from fp_cli.client import connect

    with connect(state) as client:
        content, signature = ensemble_files.content_of(client, file)
    found = model_check.Check("", signature, (), False, "its steps share runs, each by itself")
    if state.structured:
        document(state, model_check.document(found))
    else:
        rows(state, _TENSOR, model_check.tensors(found))
        record(state, {"size_bytes": len(content), "batching": found.why})


def _refuse_beside_ensemble(**options: object) -> None:
    from fp_kernel import invalid

    for name, value in options.items():
        if value:
            raise invalid(name, "is not for an ensemble: its steps have columns, and its file has warm_up")


def _read(state: State, file: Path, sample: Path | None, warm_up: Path | None = None, *, unpickle: bool) -> "Converted":
    from dataclasses import replace

    from fp_cli import conversion, onnx_file

    rows_of = conversion.sample_of(sample) if sample is not None else None
    found = conversion.onnx_of(file, unpickle=unpickle, sample=rows_of)
    if found.framework != "onnx":
        say(state, f"converted from {found.framework}: {len(found.content)} bytes of ONNX", aside=True)
    return replace(found, content=onnx_file.with_samples(found.content, warm_up)) if warm_up is not None else found


def _speed(found: dict[str, float] | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"not_measured": found} if found else {}
    return {f"microseconds_of_{count}_rows": round(value, 1) for count, value in found.items()}
