"""fp users."""

import typer

from fp_cli.output import State, done, record, rows

app = typer.Typer(help="People of a team.", no_args_is_help=True)
_COLUMNS = ("email", "role", "team", "name", "disabled_at", "id")
_INVITATION_COLUMNS = ("email", "role_name", "team", "invited_by", "expires_at", "id")


@app.command("list")
def list_users(
    context: typer.Context,
    team: str = typer.Option("", help="Another team, for operators."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List users."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        found = client.pages(stub.ListUsers, auth_pb2.ListUsersRequest(team_filter=team), "users", limit)
        rows(state, _COLUMNS, [plain(user) for user in found])


@app.command("create")
def create_user(
    context: typer.Context,
    email: str,
    name: str = typer.Option("", help="Default: the part of the address before the @."),
    team: str = typer.Option("", help="Default: your own; another one for operators."),
    role: str = typer.Option("", help="operator, admin, engineer, viewer or a role of the team; default viewer."),
    password_stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
) -> None:
    """Create a user; the password comes from a prompt, FP_NEW_PASSWORD or standard input."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import reading
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    password = reading.password("FP_NEW_PASSWORD", "Password of the new user", from_stdin=password_stdin, confirm=True)
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        request = auth_pb2.CreateUserRequest(email=email, name=name, password=password, team=team)
        user = client.call(stub.CreateUser, request).user
        if role:
            client.call(stub.AssignRole, auth_pb2.AssignRoleRequest(user_id=user.id, role_name=role))
            user.role = role
    record(state, plain(user), _COLUMNS)


@app.command("assign")
def assign_role(
    context: typer.Context,
    user: str = typer.Argument(help="E-mail address or id."),
    role: str = typer.Argument(help="operator, admin, engineer, viewer or a role of the team."),
) -> None:
    """Give a user another role."""
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = auth_pb2_grpc.AuthServiceStub(client.channel)
        user_id = names.user(client, user)
        client.call(stub.AssignRole, auth_pb2.AssignRoleRequest(user_id=user_id, role_name=role))
    done(state, f"{user} is {role} now", user_id=user_id, role=role)


@app.command("disable")
def disable_user(context: typer.Context, user: str = typer.Argument(help="E-mail address or id.")) -> None:
    """Let somebody in no more: his sessions, keys, jobs and webhooks end at once; what he made stays."""
    _change(context, user, "DisableUser", "is disabled")


@app.command("enable")
def enable_user(context: typer.Context, user: str = typer.Argument(help="E-mail address or id.")) -> None:
    """Let somebody in again."""
    _change(context, user, "EnableUser", "is enabled")


@app.command("delete")
def delete_user(
    context: typer.Context,
    user: str = typer.Argument(help="E-mail address or id."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Erase somebody's personal data for ever; his id stays in what he made."""
    if not yes:
        typer.confirm(f"Erase {user}? This cannot be undone.", abort=True)
    _change(context, user, "DeleteUser", "is deleted")


@app.command("reset-password")
def reset_password(context: typer.Context, user: str = typer.Argument(help="E-mail address or id.")) -> None:
    """Let somebody choose a new password, by a link that works once and for an hour."""
    from forgepoint.auth.v1 import people_pb2, people_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = people_pb2_grpc.PeopleServiceStub(client.channel)
        request = people_pb2.ResetUserPasswordRequest(user_id=names.user(client, user))
        delivery = client.call(stub.ResetUserPassword, request).delivery
    said = f"a link was mailed to {user}" if delivery.mailed else f"hand this link to {user}: {delivery.link}"
    done(state, said, mailed=delivery.mailed, link=delivery.link)


@app.command("invite")
def invite(
    context: typer.Context,
    email: str,
    role: str = typer.Option("viewer", help="A role of the team that you have yourself."),
    team: str = typer.Option("", help="Another team, for operators."),
) -> None:
    """Let somebody make an account, by a link that works once and for a day; again: the earlier link ends."""
    from forgepoint.auth.v1 import invitations_pb2, invitations_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = invitations_pb2_grpc.InvitationServiceStub(client.channel)
        request = invitations_pb2.CreateInvitationRequest(email=email, role_name=role, team=team)
        answer = client.call(stub.CreateInvitation, request)
    delivery = answer.delivery
    said = f"a link was mailed to {email}" if delivery.mailed else f"hand this link to {email}: {delivery.link}"
    done(state, said, invitation_id=answer.invitation.id, mailed=delivery.mailed, link=delivery.link)


@app.command("invitations")
def list_invitations(
    context: typer.Context,
    team: str = typer.Option("", help="Another team, for operators."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List invitations that nobody has accepted yet."""
    from forgepoint.auth.v1 import invitations_pb2, invitations_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = invitations_pb2_grpc.InvitationServiceStub(client.channel)
        request = invitations_pb2.ListInvitationsRequest(team_filter=team)
        found = client.pages(stub.ListInvitations, request, "invitations", limit)
        rows(state, _INVITATION_COLUMNS, [plain(each) for each in found])


@app.command("withdraw-invitation")
def withdraw_invitation(context: typer.Context, invitation: str = typer.Argument(help="Id of the invitation.")) -> None:
    """Make the link of an invitation worth nothing."""
    from forgepoint.auth.v1 import invitations_pb2, invitations_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = invitations_pb2_grpc.InvitationServiceStub(client.channel)
        client.call(stub.WithdrawInvitation, invitations_pb2.WithdrawInvitationRequest(invitation_id=invitation))
    done(state, f"invitation {invitation} is withdrawn", invitation_id=invitation)


def _change(context: typer.Context, user: str, method: str, outcome: str) -> None:
    """One of the RPCs that take nothing but a user."""
    from forgepoint.auth.v1 import people_pb2, people_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = people_pb2_grpc.PeopleServiceStub(client.channel)
        user_id = names.user(client, user)
        client.call(getattr(stub, method), getattr(people_pb2, f"{method}Request")(user_id=user_id))
    done(state, f"{user} {outcome}", user_id=user_id)
