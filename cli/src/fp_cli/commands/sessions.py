"""fp sessions."""

import typer

from fp_cli.output import State, done, rows

app = typer.Typer(help="Logins that are open.", no_args_is_help=True)
_COLUMNS = ("id", "started_at", "last_used_at", "address", "current")


@app.command("list")
def list_sessions(
    context: typer.Context,
    user: str = typer.Option("", help="E-mail address or id, for admins; default: your own."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List logins that have not ended."""
    from forgepoint.auth.v1 import people_pb2, people_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = people_pb2_grpc.PeopleServiceStub(client.channel)
        request = people_pb2.ListSessionsRequest(user_id=names.user(client, user) if user else "")
        rows(state, _COLUMNS, [plain(each) for each in client.pages(stub.ListSessions, request, "sessions", limit)])


@app.command("end")
def end_session(context: typer.Context, session: str = typer.Argument(help="Id of the session.")) -> None:
    """End one login, and the tokens that came from it."""
    from forgepoint.auth.v1 import people_pb2, people_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = people_pb2_grpc.PeopleServiceStub(client.channel)
        client.call(stub.EndSession, people_pb2.EndSessionRequest(session_id=session))
    done(state, f"session {session} has ended", session_id=session)


@app.command("end-all")
def end_all_sessions(
    context: typer.Context, user: str = typer.Option("", help="E-mail address or id, for admins; default: your own.")
) -> None:
    """Log somebody out everywhere; keys and jobs go on."""
    from forgepoint.auth.v1 import people_pb2, people_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = people_pb2_grpc.PeopleServiceStub(client.channel)
        user_id = names.user(client, user) if user else ""
        client.call(stub.LogOutEverywhere, people_pb2.LogOutEverywhereRequest(user_id=user_id, myself=not user_id))
    done(state, "logged out everywhere", user_id=user_id)
