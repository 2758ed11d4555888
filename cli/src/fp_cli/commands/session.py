"""fp login, fp whoami."""

import sys
from dataclasses import replace

import typer

from fp_cli.output import State, done, record


def add_to(app: typer.Typer) -> None:
    app.command("login")(login)
    app.command("whoami")(whoami)


def login(
    context: typer.Context,
    email: str = typer.Option("", envvar="FP_EMAIL", help="Default: ask."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
) -> None:
    """Log in and remember it; the password comes from a prompt, FP_PASSWORD or standard input."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import client, reading
    from fp_cli import context as contexts

    state: State = context.obj
    email = email or _ask()
    password = reading.password("FP_PASSWORD", "Password", from_stdin=password_stdin)
    with client.connect(state) as connection:
        stub = auth_pb2_grpc.AuthServiceStub(connection.channel)
        request = auth_pb2.LoginRequest(email=email, password=password)
        response = connection.call(stub.Login, request, anonymous=True)
    known = contexts.load()
    if state.address and state.address != known.address:
        # The bus and the HTTP address of another platform are not this one's.
        known = replace(known, address=state.address, http_address="", nats_url="")
    contexts.save(replace(known, **client.tokens(response)))
    user = response.user
    facts = {"email": user.email, "role": user.role, "team": user.team}
    done(state, f"logged in as {user.email} ({user.role} of {user.team})", **facts)


def _ask() -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("is needed where there is no terminal to ask.", param_hint="--email")
    return str(typer.prompt("E-mail"))


def whoami(context: typer.Context) -> None:
    """Show the identity behind the stored credential."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import client
    from fp_cli.messages import plain

    state: State = context.obj
    with client.connect(state) as connection:
        stub = auth_pb2_grpc.AuthServiceStub(connection.channel)
        response = connection.call(stub.GetCurrentUser, auth_pb2.GetCurrentUserRequest())
    fields = ("user_id", "email", "name", "team", "role", "scopes", "api_key_id", "exp")
    record(state, plain(response.claims), fields)
