"""fp login, fp whoami."""

import sys
from dataclasses import replace
from typing import Any, Final

import typer

from fp_cli.output import State, done, record

_CODE_REQUIRED: Final = "SECOND_FACTOR_REQUIRED"
_WRONG: Final = (
    "type them again (FP_PASSWORD and FP_EMAIL are taken when they are set), or let an admin of your team give you a "
    "new password by `fp users reset-password`"
)


def add_to(app: typer.Typer) -> None:
    app.command("login")(login)
    app.command("whoami")(whoami)


def login(
    context: typer.Context,
    email: str = typer.Option("", envvar="FP_EMAIL", help="Default: ask."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
    code: str = typer.Option("", help="Of your authenticator app, or a recovery code; default: ask, if it is needed."),
    sso: bool = typer.Option(False, "--sso", help="Sign in by a browser of this computer."),
    device: bool = typer.Option(False, "--device", help="Sign in by a browser anywhere, with a code."),
    browser: bool = typer.Option(True, help="With --sso: open the browser, not only print the address."),
) -> None:
    """Log in and remember it; the password comes from a prompt, FP_PASSWORD or standard input."""
    from fp_cli import browser_login, client

    state: State = context.obj
    if ((sso or device) and (password_stdin or code)) or (sso and device):
        raise typer.BadParameter("is one way to log in; give no other one beside it.", param_hint="--sso or --device")
    if device or sso:
        with client.connect(state) as connection:
            session = (
                browser_login.by_code(connection)
                if device
                else browser_login.by_loopback(connection, open_browser=browser)
            )
    else:
        session = _by_password(state, email, code, from_stdin=password_stdin)
    _remember(state, session)


def _by_password(state: State, email: str, code: str, *, from_stdin: bool) -> Any:
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
    from fp_kernel import Unauthenticated

    from fp_cli import client, reading

    email = email or _ask()
    password = reading.password("FP_PASSWORD", "Password", from_stdin=from_stdin)
    with client.connect(state) as connection:
        stub = auth_pb2_grpc.AuthServiceStub(connection.channel)
        request = auth_pb2.LoginRequest(email=email, password=password, totp_code=code)
        try:
            return connection.call(stub.Login, request, anonymous=True)
        except Unauthenticated as refused:
            refused.metadata.setdefault("next_step", _WRONG)
            if refused.reason != _CODE_REQUIRED:
                raise
            if not sys.stdin.isatty():
                refused.metadata["next_step"] = "give it by --code"
                raise
        request.totp_code = str(typer.prompt("Code of your app, or a recovery code"))
        return connection.call(stub.Login, request, anonymous=True)


def _remember(state: State, session: Any) -> None:
    """session: a LoginResponse."""
    from fp_cli import client, transport
    from fp_cli import context as contexts

    with contexts.locked():
        context = contexts.load(state.context, new=True)
        ca_file = transport.remembered(transport.chosen(state, context))
        if state.address and state.address != context.address:
            # The bus, the HTTP address and the data of another platform are not this one's.
            context = contexts.Context(address=state.address)
        context = replace(context, ca_file=ca_file)
        contexts.save(replace(context, **client.tokens(session)), state.context)
    user = session.user
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
