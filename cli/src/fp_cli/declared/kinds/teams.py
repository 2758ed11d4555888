"""Teams, and the roles of a team."""

from collections.abc import Iterator
from typing import Any

from forgepoint.auth.v1 import roles_pb2, roles_pb2_grpc, teams_pb2, teams_pb2_grpc
from fp_kernel import NotFound

from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import Kind, Present, Spec


class Team(Kind):
    """Whether it is suspended is an act of the operator, not a part of it."""

    name = "Team"
    message = teams_pb2.CreateTeamRequest
    name_field = "id"
    kept = ("display_name",)
    deletable = False

    def find(self, client: Client, name: str) -> Present | None:
        try:
            found = client.call(_teams(client).GetTeam, teams_pb2.GetTeamRequest(id=name)).team
        except NotFound:
            return None
        return Present(self._of(found), found.revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        for team in client.pages(_teams(client).ListTeams, teams_pb2.ListTeamsRequest(), "teams", EVERYTHING):
            yield team.id, self._of(team)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        request = self.request(name, spec)
        request.idempotency_key = idempotency_key("")
        client.call(_teams(client).CreateTeam, request)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        wanted = self.request(name, spec)
        client.call(
            _teams(client).UpdateTeam,
            teams_pb2.UpdateTeamRequest(
                id=name,
                display_name=wanted.display_name,
                # Given in any case: a limit that is not declared is none.
                limits=wanted.limits,
                idempotency_key=idempotency_key(""),
                expected_revision=present.revision,
            ),
        )

    def _of(self, team: teams_pb2.Team) -> Spec:
        return self.of(teams_pb2.CreateTeamRequest(display_name=team.display_name, limits=team.limits))


class Role(Kind):
    name = "Role"
    message = roles_pb2.CreateRoleRequest

    def find(self, client: Client, name: str) -> Present | None:
        found = next((role for role in _own(client) if role.name == name), None)
        return None if found is None else Present(self._of(found), found.revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        """Those of the platform are not the team's to declare."""
        for role in _own(client):
            yield role.name, self._of(role)

    def _of(self, role: roles_pb2.TeamRole) -> Spec:
        return self.of(roles_pb2.CreateRoleRequest(description=role.description, scopes=role.scopes))

    def create(self, client: Client, name: str, spec: Spec) -> None:
        client.call(_roles(client).CreateRole, self.request(name, spec))

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        wanted = self.request(name, spec)
        request = roles_pb2.UpdateRoleRequest(
            name=name, description=wanted.description, scopes=wanted.scopes, expected_revision=present.revision
        )
        client.call(_roles(client).UpdateRole, request)

    def delete(self, client: Client, name: str, present: Present) -> None:
        request = roles_pb2.DeleteRoleRequest(name=name, expected_revision=present.revision)
        client.call(_roles(client).DeleteRole, request)

    def equal(self, before: Spec, wanted: Spec) -> bool:
        """Scopes are a set."""
        return _as_set(before) == _as_set(wanted)


def _own(client: Client) -> list[roles_pb2.TeamRole]:
    listed = client.call(_roles(client).ListRoles, roles_pb2.ListRolesRequest()).roles
    return [role for role in listed if not role.built_in]


def _as_set(spec: Spec) -> dict[str, Any]:
    return {**spec, "scopes": sorted(set(spec.get("scopes", ())))}


def _teams(client: Client) -> Any:
    return teams_pb2_grpc.TeamServiceStub(client.channel)


def _roles(client: Client) -> Any:
    return roles_pb2_grpc.RoleServiceStub(client.channel)
