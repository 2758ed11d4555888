"""fp roles."""

import typer

from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Roles of the team.", no_args_is_help=True)
_COLUMNS = ("name", "built_in", "scopes", "description", "created_by", "created_at")


@app.command("list")
def list_roles(context: typer.Context) -> None:
    """List the roles that people of the team may have."""
    from forgepoint.auth.v1 import roles_pb2, roles_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = roles_pb2_grpc.RoleServiceStub(client.channel)
        response = client.call(stub.ListRoles, roles_pb2.ListRolesRequest())
    rows(state, _COLUMNS, [plain(role) for role in response.roles])


@app.command("create")
def create_role(
    context: typer.Context,
    name: str,
    scopes: list[str] = typer.Option(..., "--scope", help="resource:action; may be given several times."),
    description: str = typer.Option("", help="What it is for."),
) -> None:
    """Create a role; `fp users assign` gives it to somebody."""
    from forgepoint.auth.v1 import roles_pb2, roles_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = roles_pb2_grpc.RoleServiceStub(client.channel)
        request = roles_pb2.CreateRoleRequest(name=name, description=description, scopes=scopes)
        response = client.call(stub.CreateRole, request)
    record(state, plain(response.role), _COLUMNS)


@app.command("change")
def change_role(
    context: typer.Context,
    name: str,
    scopes: list[str] = typer.Option(..., "--scope", help="All that it allows from now on."),
    description: str = typer.Option("", help="What it is for."),
) -> None:
    """Replace the scopes and the description of a role."""
    from forgepoint.auth.v1 import roles_pb2, roles_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = roles_pb2_grpc.RoleServiceStub(client.channel)
        request = roles_pb2.UpdateRoleRequest(name=name, description=description, scopes=scopes)
        response = client.call(stub.UpdateRole, request)
    record(state, plain(response.role), _COLUMNS)


@app.command("delete")
def delete_role(context: typer.Context, name: str) -> None:
    """Delete a role that nobody has."""
    from forgepoint.auth.v1 import roles_pb2, roles_pb2_grpc

    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = roles_pb2_grpc.RoleServiceStub(client.channel)
        client.call(stub.DeleteRole, roles_pb2.DeleteRoleRequest(name=name))
    done(state, f"{name} is deleted", name=name, deleted=True)
