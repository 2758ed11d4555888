"""fp login, fp whoami."""

import sys
from dataclasses import replace

import typer

from fp_cli.output import State, record, say


def add_to(app: typer.Typer) -> None:
    app.command("login")(login)
    app.command("whoami")(whoami)


def login(
    context: typer.Context,
    email: str = typer.Option("", envvar="FP_EMAIL", help="Default: ask."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
) -> None:
    """Log in and remember it; the password comes from a prompt, FP_PASSWORD or standard input."""
    import os

    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import client
    from fp_cli import context as contexts

    state: State = context.obj
    email = email or typer.prompt("E-mail")
    password = sys.stdin.readline().rstrip("\n") if password_stdin else os.environ.get("FP_PASSWORD", "")
    password = password or typer.prompt("Password", hide_input=True)
    with client.connect(state) as connection:
        stub = auth_pb2_grpc.AuthServiceStub(connection.channel)
        request = auth_pb2.LoginRequest(email=email, password=password)
        response = connection.call(stub.Login, request, anonymous=True)
    known = contexts.load()
    contexts.save(replace(known, address=state.address or known.address, **client.tokens(response)))
    say(state, f"logged in as {response.user.email} ({response.user.role} of {response.user.team})")


def whoami(context: typer.Context) -> None:
    """Show the identity behind the stored credential."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import client
    from fp_cli.output import plain

    state: State = context.obj
    with client.connect(state) as connection:
        stub = auth_pb2_grpc.AuthServiceStub(connection.channel)
        response = connection.call(stub.GetCurrentUser, auth_pb2.GetCurrentUserRequest())
    fields = ("user_id", "email", "name", "team", "role", "scopes", "api_key_id", "exp")
    record(state, plain(response.claims), fields)
