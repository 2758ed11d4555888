"""fp second-factor."""

import typer

from fp_cli.output import State, done, record

app = typer.Typer(help="Codes of an app beside the password.", no_args_is_help=True)
_CODE = typer.Option("", help="A code of the app or a recovery code, in place of the password.")
_STDIN = typer.Option(False, "--password-stdin", help="Read the password from standard input.")


@app.command("show")
def show(
    context: typer.Context,
    user: str = typer.Option("", help="E-mail address or id, for admins; default: your own."),
) -> None:
    """Show whether a login needs a code, and how many recovery codes are left."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = second_factor_pb2_grpc.SecondFactorServiceStub(client.channel)
        request = second_factor_pb2.GetSecondFactorRequest(user_id=names.user(client, user) if user else "")
        found = client.call(stub.GetSecondFactor, request).second_factor
    record(state, plain(found), ("turned_on", "turned_on_at", "recovery_codes_left"))


@app.command("begin")
def begin(context: typer.Context, password_stdin: bool = _STDIN) -> None:
    """Show a secret for your authenticator app, once; a first code of it confirms it."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli import reading
    from fp_cli.client import connect

    state: State = context.obj
    password = reading.password("FP_PASSWORD", "Password", from_stdin=password_stdin)
    with connect(state) as client:
        stub = second_factor_pb2_grpc.SecondFactorServiceStub(client.channel)
        begun = client.call(stub.BeginSecondFactor, second_factor_pb2.BeginSecondFactorRequest(password=password))
    record(state, {"secret": begun.secret, "otpauth_uri": begun.otpauth_uri, "next": "fp second-factor confirm CODE"})


@app.command("confirm")
def confirm(context: typer.Context, code: str = typer.Argument(help="Six digits from the app.")) -> None:
    """Turn it on and show the recovery codes, once; your other sessions end."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = second_factor_pb2_grpc.SecondFactorServiceStub(client.channel)
        request = second_factor_pb2.ConfirmSecondFactorRequest(totp_code=code)
        codes = client.call(stub.ConfirmSecondFactor, request).recovery_codes
    _show_codes(state, codes)


@app.command("off")
def turn_off(context: typer.Context, code: str = _CODE, password_stdin: bool = _STDIN) -> None:
    """Turn it off, by the password (a prompt, FP_PASSWORD or standard input) or a code."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    request = second_factor_pb2.TurnOffSecondFactorRequest(**_proof(code, from_stdin=password_stdin))
    with connect(state) as client:
        client.call(second_factor_pb2_grpc.SecondFactorServiceStub(client.channel).TurnOffSecondFactor, request)
    done(state, "the second factor is turned off", turned_on=False)


@app.command("recovery-codes")
def renew_recovery_codes(context: typer.Context, code: str = _CODE, password_stdin: bool = _STDIN) -> None:
    """Show new recovery codes, once; those of before are worth nothing."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    request = second_factor_pb2.RenewRecoveryCodesRequest(**_proof(code, from_stdin=password_stdin))
    with connect(state) as client:
        stub = second_factor_pb2_grpc.SecondFactorServiceStub(client.channel)
        codes = client.call(stub.RenewRecoveryCodes, request).recovery_codes
    _show_codes(state, codes)


@app.command("reset")
def reset(context: typer.Context, user: str = typer.Argument(help="E-mail address or id.")) -> None:
    """Turn it off for somebody who lost it, as an admin; his sessions end."""
    from forgepoint.auth.v1 import second_factor_pb2, second_factor_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = second_factor_pb2_grpc.SecondFactorServiceStub(client.channel)
        user_id = names.user(client, user)
        client.call(stub.ResetSecondFactor, second_factor_pb2.ResetSecondFactorRequest(user_id=user_id))
    done(state, f"{user} logs in without a code", user_id=user_id)


def _proof(code: str, *, from_stdin: bool) -> dict[str, str]:
    """The field of the request that says that it is he."""
    from fp_cli import reading

    return (
        {"totp_code": code}
        if code
        else {"password": reading.password("FP_PASSWORD", "Password", from_stdin=from_stdin)}
    )


def _show_codes(state: State, codes: list[str]) -> None:
    lines = "\n".join(f"  {code}" for code in codes)
    done(state, f"recovery codes, each good once; they are not shown again:\n{lines}", recovery_codes=list(codes))
