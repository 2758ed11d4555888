"""fp audit."""

import typer

from fp_cli.output import State, done, rows, say, streamed

app = typer.Typer(help="Who did what, and who was refused.", no_args_is_help=True)
_COLUMNS = ("recorded_at", "team", "actor_id", "method", "status", "resource_id", "suppressed")
_DAYS = ("day", "entries", "checkpoints", "intact", "broken_at", "problem")
_TEAM = typer.Option("", "--team", help="Another team, or '*' for all; for operators.")
_FROM_DAY = typer.Option("", "--from", metavar="DAY", help="First day (UTC), such as 2026-11-29.")
_TO_DAY = typer.Option("", "--to", metavar="DAY", help="Last day (UTC).")


@app.command("list")
def list_entries(
    context: typer.Context,
    actor: str = typer.Option("", help="Id of a user, or a service."),
    method: str = typer.Option("", "--action", help="Full method name, as the list shows it."),
    resource: str = typer.Option("", help="Id or name of what the calls were about."),
    team: str = _TEAM,
    since: str = typer.Option("", help="Recorded at or after this time, ISO 8601."),
    until: str = typer.Option("", help="Recorded before this time."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List entries, the newest first."""
    from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain
    from fp_cli.moments import stamp

    state: State = context.obj
    times = {
        name: stamp(text, option)
        for name, text, option in (("from", since, "--since"), ("to", until, "--until"))
        if text
    }
    with connect(state) as client:
        stub = audit_pb2_grpc.AuditServiceStub(client.channel)
        request = audit_pb2.ListAuditEntriesRequest(
            team=team, actor_id=actor, method=method, resource_id=resource, **times
        )
        rows(
            state, _COLUMNS, [plain(entry) for entry in client.pages(stub.ListAuditEntries, request, "entries", limit)]
        )


@app.command("verify")
def verify(context: typer.Context, first: str = _FROM_DAY, last: str = _TO_DAY) -> None:
    """Compute every chain again and compare it with its checkpoints; for operators.

    Exits 1 when a day is not intact. Without days: all that are stored.
    """
    from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = audit_pb2_grpc.AuditServiceStub(client.channel)
        request = audit_pb2.VerifyAuditLogRequest(from_day=first, to_day=last)
        days = [plain(day) for day in client.stream(stub.VerifyAuditLog, request)]
    rows(state, _DAYS, days)
    broken = [day for day in days if not day["intact"]]
    if broken:
        say(state, f"{len(broken)} of {len(days)} days are not as they were written", aside=True)
        raise typer.Exit(1)


@app.command("export")
def export(context: typer.Context, first: str = _FROM_DAY, last: str = _TO_DAY, team: str = _TEAM) -> None:
    """Print the entries of some days, one JSON document a line, in the order of the chain. Without days: today."""
    from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = audit_pb2_grpc.AuditServiceStub(client.channel)
        request = audit_pb2.ExportAuditEntriesRequest(from_day=first, to_day=last, team=team)
        for answer in client.stream(stub.ExportAuditEntries, request):
            for entry in answer.entries:
                streamed(state, plain(entry))


@app.command("erase")
def erase(context: typer.Context, person_id: str) -> None:
    """Make the addresses of a user or service account unreadable for ever; entries stay. For the operator."""
    from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = audit_pb2_grpc.AuditServiceStub(client.channel)
        erased = client.call(stub.EraseAuditAddresses, audit_pb2.EraseAuditAddressesRequest(person_id=person_id)).erased
    done(state, f"the addresses of {person_id} are erased" if erased else "nothing was stored", erased=erased)
