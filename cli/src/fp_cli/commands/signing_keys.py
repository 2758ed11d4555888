"""fp signing-keys."""

import typer

from fp_cli.output import State, done, rows

app = typer.Typer(help="Keys that sign tokens, for the operator.", no_args_is_help=True)
_COLUMNS = ("kid", "created_at", "signs_from", "retired_at")


@app.command("list")
def list_keys(context: typer.Context) -> None:
    """List the keys that verify tokens; for operators."""
    from forgepoint.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = signing_keys_pb2_grpc.SigningKeyServiceStub(client.channel)
        response = client.call(stub.ListSigningKeys, signing_keys_pb2.ListSigningKeysRequest())
    rows(state, _COLUMNS, [plain(key) for key in response.signing_keys])


@app.command("withdraw")
def withdraw_key(context: typer.Context, kid: str) -> None:
    """End every token that a leaked key signed, for operators; the next key signs from now on."""
    from forgepoint.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = signing_keys_pb2_grpc.SigningKeyServiceStub(client.channel)
        client.call(stub.WithdrawSigningKey, signing_keys_pb2.WithdrawSigningKeyRequest(kid=kid))
    done(state, f"{kid} is withdrawn; log in again if it signed your token", kid=kid, withdrawn=True)
