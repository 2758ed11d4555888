"""fp teams."""

import typer

from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Teams, for who runs the platform.", no_args_is_help=True)
_COLUMNS = ("id", "display_name", "suspended_at", "created_at")
_FIELDS = ("id", "display_name", "created_at", "suspended_at", "limits")


@app.command("list")
def list_teams(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List teams."""
    from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        found = client.pages(stub.ListTeams, teams_pb2.ListTeamsRequest(), "teams", limit)
        rows(state, _COLUMNS, [plain(each) for each in found])


@app.command("show")
def show_team(context: typer.Context, team: str = typer.Argument("", help="Default: your own.")) -> None:
    """Show one team."""
    from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        record(state, plain(client.call(stub.GetTeam, teams_pb2.GetTeamRequest(id=team)).team), _FIELDS)


@app.command("create")
def create_team(
    context: typer.Context,
    team: str = typer.Argument(help="Id; never changes."),
    name: str = typer.Option("", help="Name for people."),
    max_users: int = typer.Option(0, min=0, help="0 is without a limit."),
    max_keys: int = typer.Option(0, min=0, help="0 is without a limit."),
) -> None:
    """Create a team."""
    from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    limits = teams_pb2.TeamLimits(max_users=max_users, max_keys=max_keys)
    with connect(state) as client:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        request = teams_pb2.CreateTeamRequest(id=team, display_name=name, limits=limits)
        record(state, plain(client.call(stub.CreateTeam, request).team), _FIELDS)


@app.command("update")
def update_team(
    context: typer.Context,
    team: str,
    name: str | None = typer.Option(None, help="Name for people."),
    max_users: int | None = typer.Option(None, min=0, help="0 is without a limit."),
    max_keys: int | None = typer.Option(None, min=0, help="0 is without a limit."),
) -> None:
    """Change the name or the limits of a team; what is not given stays."""
    from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        request = teams_pb2.UpdateTeamRequest(id=team, display_name=name)
        if max_users is not None or max_keys is not None:
            present = client.call(stub.GetTeam, teams_pb2.GetTeamRequest(id=team)).team
            request.limits.CopyFrom(present.limits)
            request.expected_revision = present.revision
            request.limits.max_users = request.limits.max_users if max_users is None else max_users
            request.limits.max_keys = request.limits.max_keys if max_keys is None else max_keys
        record(state, plain(client.call(stub.UpdateTeam, request).team), _FIELDS)


@app.command("suspend")
def suspend_team(context: typer.Context, team: str) -> None:
    """End everything that the people of a team have out, until it is resumed."""
    _change(context, team, "SuspendTeam", "is suspended")


@app.command("resume")
def resume_team(context: typer.Context, team: str) -> None:
    """Let the people of a team in again."""
    _change(context, team, "ResumeTeam", "is resumed")


def _change(context: typer.Context, team: str, method: str, outcome: str) -> None:
    from forgepoint.auth.v1 import teams_pb2, teams_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = teams_pb2_grpc.TeamServiceStub(client.channel)
        client.call(getattr(stub, method), getattr(teams_pb2, f"{method}Request")(id=team))
    done(state, f"team {team} {outcome}", team=team)
