"""fp service-accounts."""

from typing import Any

import typer

from fp_cli.output import State, done, record, rows, say

app = typer.Typer(help="Programs of the team that belong to no person.", no_args_is_help=True)
_COLUMNS = ("id", "name", "scopes", "description", "created_by", "created_at", "disabled_at")
_KEYS = ("id", "key_prefix", "name", "scopes", "expires_at", "last_used_at", "revoked_at")


@app.command("list")
def list_accounts(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List service accounts."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb
    from forgepoint.auth.v1 import service_accounts_pb2_grpc as grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = grpc.ServiceAccountServiceStub(client.channel)
        found = client.pages(stub.ListServiceAccounts, pb.ListServiceAccountsRequest(), "service_accounts", limit)
        rows(state, _COLUMNS, [plain(account) for account in found])


@app.command("create")
def create_account(
    context: typer.Context,
    name: str,
    scopes: list[str] = typer.Option(..., "--scope", help="resource:action; may be given several times."),
    description: str = typer.Option("", help="What it is for."),
) -> None:
    """Create a service account; it has no keys yet."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb

    request = pb.CreateServiceAccountRequest(name=name, description=description, scopes=scopes)
    _show(context, "CreateServiceAccount", request)


@app.command("change")
def change_account(
    context: typer.Context,
    account_id: str,
    scopes: list[str] = typer.Option(..., "--scope", help="All that its keys may do from now on."),
    description: str = typer.Option("", help="What it is for."),
) -> None:
    """Replace the scopes and the description of a service account."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb

    request = pb.UpdateServiceAccountRequest(id=account_id, description=description, scopes=scopes)
    _show(context, "UpdateServiceAccount", request)


@app.command("disable")
def disable_account(context: typer.Context, account_id: str) -> None:
    """Stop its keys at once, until it is enabled."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb

    _show(context, "DisableServiceAccount", pb.DisableServiceAccountRequest(id=account_id))


@app.command("enable")
def enable_account(context: typer.Context, account_id: str) -> None:
    """Let its keys in again."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb

    _show(context, "EnableServiceAccount", pb.EnableServiceAccountRequest(id=account_id))


@app.command("delete")
def delete_account(context: typer.Context, account_id: str) -> None:
    """Revoke its keys and delete it for good."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb

    state: State = context.obj
    _call(context, "DeleteServiceAccount", pb.DeleteServiceAccountRequest(id=account_id))
    done(state, f"{account_id} is deleted", id=account_id, deleted=True)


@app.command("keys")
def list_keys(
    context: typer.Context,
    account_id: str,
    all_keys: bool = typer.Option(False, "--all", help="Revoked ones too."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List its keys; `fp keys revoke` and `fp keys rotate` work on them."""
    from forgepoint.auth.v1 import service_accounts_pb2 as pb
    from forgepoint.auth.v1 import service_accounts_pb2_grpc as grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = grpc.ServiceAccountServiceStub(client.channel)
        request = pb.ListServiceAccountKeysRequest(service_account_id=account_id, include_revoked=all_keys)
        found = client.pages(stub.ListServiceAccountKeys, request, "api_keys", limit)
        rows(state, _KEYS, [plain(key) for key in found])


@app.command("key")
def create_key(
    context: typer.Context,
    account_id: str,
    scopes: list[str] = typer.Option(..., "--scope", help="Within those of the account."),
    name: str = typer.Option("", help="What it is for."),
    days: int = typer.Option(0, min=0, help="Days until it expires; 0: never."),
    per_second: int = typer.Option(0, min=0, help="Rows of predictions a second at most; 0: as its role."),
    in_flight: int = typer.Option(0, min=0, help="Predictions at once at most; 0: no limit."),
) -> None:
    """Create a key of it; it is shown once."""
    from datetime import timedelta

    from forgepoint.auth.v1 import service_accounts_pb2 as pb
    from fp_kernel import SystemClock
    from google.protobuf.timestamp_pb2 import Timestamp

    from fp_cli.messages import plain

    state: State = context.obj
    expires = Timestamp() if days else None
    if expires is not None:
        expires.FromDatetime(SystemClock().now() + timedelta(days=days))
    request = pb.CreateServiceAccountKeyRequest(
        service_account_id=account_id,
        scopes=scopes,
        name=name,
        expires_at=expires,
        predictions_per_second=per_second,
        predictions_in_flight=in_flight,
    )
    response = _call(context, "CreateServiceAccountKey", request)
    record(state, {"key": response.raw_key} | plain(response.api_key), ("key", *_KEYS[:-2]))
    say(state, "keep the key now: it is not shown again")


def _show(context: typer.Context, method: str, request: Any) -> None:
    from fp_cli.messages import plain

    state: State = context.obj
    record(state, plain(_call(context, method, request).service_account), _COLUMNS)


def _call(context: typer.Context, method: str, request: Any) -> Any:
    from forgepoint.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceStub

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        return client.call(getattr(ServiceAccountServiceStub(client.channel), method), request)
