"""fp secrets."""

import sys
from pathlib import Path
from typing import Any

import typer

from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Secrets of the team, for jobs and channels; never shown again.", no_args_is_help=True)
_SECRETS = ("name", "version", "status", "created_by", "created_at")
_VERSIONS = ("version", "status", "created_by", "created_at", "changed_by", "changed_at")
_NAME = typer.Argument(..., help="Name, as `secret://name` refers to it.")
_VERSION = typer.Option(..., "--version", min=1, help="Number of the version.")


@app.command("set")
def set_secret(
    context: typer.Context,
    name: str = _NAME,
    file: Path | None = typer.Option(None, "--file", exists=True, dir_okay=False, help="Where the value is, as it is."),
    expected: int | None = typer.Option(
        None, "--expect", min=0, help="Only if this is the newest version; 0: only if there is none."
    ),
) -> None:
    """Store a value as the newest version, from --file or from standard input.

    Never from the command line, where the history and the list of processes show it. One line break at the end of what
    is typed or piped belongs to the terminal and not to the value; a file is taken as it is.
    """
    from forgepoint.auth.v1 import secret_pb2

    value = file.read_bytes() if file else _typed()
    request = secret_pb2.SetSecretRequest(name=name, value=value, expected_version=expected)
    version = _call(context, "SetSecret", request)["version"]
    done(context.obj, f"secret://{name}@{version['version']} is stored", name=name, version=version["version"])


@app.command("list")
def list_secrets(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List secrets by name, with their newest version."""
    from forgepoint.auth.v1 import secret_pb2, secret_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = secret_pb2_grpc.SecretServiceStub(client.channel)
        found = client.pages(stub.ListSecrets, secret_pb2.ListSecretsRequest(), "secrets", limit)
        rows(state, _SECRETS, [{**plain(each.latest), "name": each.name} for each in found])


@app.command("versions")
def list_versions(context: typer.Context, name: str = _NAME, limit: int = typer.Option(100, min=1)) -> None:
    """List the versions of a secret, the newest first."""
    from forgepoint.auth.v1 import secret_pb2, secret_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = secret_pb2_grpc.SecretServiceStub(client.channel)
        request = secret_pb2.ListSecretVersionsRequest(name=name)
        rows(
            state,
            _VERSIONS,
            [plain(each) for each in client.pages(stub.ListSecretVersions, request, "versions", limit)],
        )


@app.command("disable")
def disable_version(context: typer.Context, name: str = _NAME, version: int = _VERSION) -> None:
    """Withhold a version until it is enabled again."""
    from forgepoint.auth.v1 import secret_pb2

    _call(context, "DisableSecretVersion", secret_pb2.DisableSecretVersionRequest(name=name, version=version))
    done(context.obj, f"secret://{name}@{version} is disabled", name=name, version=version)


@app.command("enable")
def enable_version(context: typer.Context, name: str = _NAME, version: int = _VERSION) -> None:
    """Give a disabled version out again."""
    from forgepoint.auth.v1 import secret_pb2

    _call(context, "EnableSecretVersion", secret_pb2.EnableSecretVersionRequest(name=name, version=version))
    done(context.obj, f"secret://{name}@{version} is enabled", name=name, version=version)


@app.command("destroy")
def destroy_version(context: typer.Context, name: str = _NAME, version: int = _VERSION) -> None:
    """Erase the value of a version for good; for admins."""
    from forgepoint.auth.v1 import secret_pb2

    _call(context, "DestroySecretVersion", secret_pb2.DestroySecretVersionRequest(name=name, version=version))
    done(context.obj, f"secret://{name}@{version} is destroyed", name=name, version=version)


@app.command("delete")
def delete_secret(context: typer.Context, name: str = _NAME) -> None:
    """Erase a secret with all its values; for admins. Jobs that refer to it fail from then on."""
    from forgepoint.auth.v1 import secret_pb2

    _call(context, "DeleteSecret", secret_pb2.DeleteSecretRequest(name=name))
    done(context.obj, f"secret://{name} is deleted", name=name)


@app.command("rewrap")
def rewrap(context: typer.Context) -> None:
    """Wrap every data key under the current key of the platform, so that the one before can go; for operators.

    Exits 1 when a version cannot be read with the keys that are there.
    """
    from forgepoint.auth.v1 import secret_pb2

    answer = _call(context, "RewrapSecrets", secret_pb2.RewrapSecretsRequest())
    record(context.obj, answer, ("rewrapped", "unreadable"))
    if int(answer["unreadable"]):
        raise typer.Exit(1)


def _call(context: typer.Context, name: str, request: Any) -> dict[str, Any]:
    from forgepoint.auth.v1 import secret_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    with connect(context.obj) as client:
        stub = secret_pb2_grpc.SecretServiceStub(client.channel)
        return plain(client.call(getattr(stub, name), request))


def _typed() -> bytes:
    """From a person without echo, else all of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Value", hide_input=True, err=True)).encode()
    value = sys.stdin.buffer.read()
    return value.removesuffix(b"\n").removesuffix(b"\r")
