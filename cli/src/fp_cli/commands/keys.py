"""fp keys."""

import typer

from fp_cli.output import State, done, record, rows, say

app = typer.Typer(help="API keys for programs.", no_args_is_help=True)
_COLUMNS = ("id", "key_prefix", "name", "scopes", "expires_at", "last_used_at", "revoked_at")
_USER = "E-mail address or id of another member of the team, for admins."
DAY = 86_400


@app.command("list")
def list_keys(
    context: typer.Context,
    user: str = typer.Option("", help=_USER),
    all_keys: bool = typer.Option(False, "--all", help="Revoked ones too."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List keys."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        user_id = names.user(client, user) if user else ""
        request = auth_pb2.ListAPIKeysRequest(user_id=user_id, include_revoked=all_keys)
        rows(state, _COLUMNS, [plain(key) for key in client.pages(stub.ListAPIKeys, request, "api_keys", limit)])


@app.command("create")
def create_key(
    context: typer.Context,
    scopes: list[str] = typer.Option(..., "--scope", help="resource:action; may be given several times."),
    name: str = typer.Option("", help="What it is for."),
    days: int = typer.Option(0, min=0, help="Days until it expires; 0: never."),
    per_second: int = typer.Option(0, min=0, help="Rows of predictions a second at most; 0: as its role."),
    in_flight: int = typer.Option(0, min=0, help="Predictions at once at most; 0: no limit."),
    user: str = typer.Option("", help=_USER),
) -> None:
    """Create a key; it is shown once."""
    import time

    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
    from google.protobuf.timestamp_pb2 import Timestamp

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    expires = Timestamp(seconds=int(time.time()) + days * DAY) if days else None
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        user_id = names.user(client, user) if user else ""
        request = auth_pb2.CreateAPIKeyRequest(
            user_id=user_id,
            scopes=scopes,
            name=name,
            expires_at=expires,
            predictions_per_second=per_second,
            predictions_in_flight=in_flight,
        )
        response = client.call(stub.CreateAPIKey, request)
    record(state, {"key": response.raw_key} | plain(response.api_key), ("key", *_COLUMNS[:-1]))
    say(state, "keep the key now: it is not shown again")


@app.command("revoke")
def revoke_key(context: typer.Context, key_id: str) -> None:
    """Revoke a key at once."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        client.call(stub.RevokeAPIKey, auth_pb2.RevokeAPIKeyRequest(key_id=key_id))
    done(state, f"{key_id} is revoked", id=key_id, revoked=True)


@app.command("rotate")
def rotate_key(
    context: typer.Context,
    key_id: str,
    overlap_hours: int = typer.Option(24, min=0, max=168, help="Hours for which the old key stays valid."),
) -> None:
    """Replace a key by a new one."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
    from google.protobuf.duration_pb2 import Duration

    from fp_cli.client import connect, idempotency_key
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        overlap = Duration(seconds=overlap_hours * 3_600)
        request = auth_pb2.RotateAPIKeyRequest(key_id=key_id, overlap=overlap, idempotency_key=idempotency_key(""))
        response = client.call(stub.RotateAPIKey, request)
    record(state, {"key": response.raw_key} | plain(response.api_key), ("key", *_COLUMNS[:-1]))
