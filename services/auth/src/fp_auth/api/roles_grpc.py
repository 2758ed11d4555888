"""RoleService over gRPC."""

from forgepoint.auth.v1 import roles_pb2 as pb
from forgepoint.auth.v1.roles_pb2_grpc import RoleServiceServicer
from fp_rpc import caller, command, expected_revision
from fp_rpc.times import to_timestamp

from fp_auth.app.team_roles import ChangeTeamRole, CreateTeamRole, DeleteTeamRole, ListTeamRoles
from fp_auth.domain.team_roles import TeamRole


class RoleServicer(RoleServiceServicer):
    def __init__(
        self, *, create: CreateTeamRole, change: ChangeTeamRole, delete: DeleteTeamRole, list_roles: ListTeamRoles
    ) -> None:
        self._create = create
        self._change = change
        self._delete = delete
        self._list_roles = list_roles

    async def CreateRole(self, request: pb.CreateRoleRequest, context: object) -> pb.CreateRoleResponse:
        role = await self._create(
            caller(),
            name=request.name,
            description=request.description,
            scopes=request.scopes,
            command=command(request, _created),
        )
        return _created(role)

    async def UpdateRole(self, request: pb.UpdateRoleRequest, context: object) -> pb.UpdateRoleResponse:
        role = await self._change(
            caller(),
            name=request.name,
            description=request.description,
            scopes=request.scopes,
            expected=expected_revision(request),
            command=command(request, _changed),
        )
        return _changed(role)

    async def DeleteRole(self, request: pb.DeleteRoleRequest, context: object) -> pb.DeleteRoleResponse:
        expected, asked = expected_revision(request), command(request, lambda _: pb.DeleteRoleResponse())
        await self._delete(caller(), request.name, expected=expected, command=asked)
        return pb.DeleteRoleResponse()

    async def ListRoles(self, request: pb.ListRolesRequest, context: object) -> pb.ListRolesResponse:
        return pb.ListRolesResponse(roles=[_to_pb(role) for role in await self._list_roles(caller())])


def _to_pb(role: TeamRole) -> pb.TeamRole:
    return pb.TeamRole(
        name=role.name,
        description=role.description,
        scopes=sorted(role.scopes),
        built_in=role.built_in,
        created_by=role.created_by,
        created_at=to_timestamp(role.created_at),
        revision=0 if role.built_in else role.revision,
    )


def _created(role: TeamRole) -> pb.CreateRoleResponse:
    return pb.CreateRoleResponse(role=_to_pb(role))


def _changed(role: TeamRole) -> pb.UpdateRoleResponse:
    return pb.UpdateRoleResponse(role=_to_pb(role))
