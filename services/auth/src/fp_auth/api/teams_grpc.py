"""TeamService over gRPC: messages in, use-case, messages out."""

from forgepoint.auth.v1 import teams_pb2 as pb
from forgepoint.auth.v1 import teams_pb2_grpc
from fp_rpc import command, current_call, expected_revision, principal
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.app.teams import CreateTeam, ResumeTeam, SuspendTeam, TeamChange, TeamQueries, UpdateTeam
from fp_auth.domain.teams import Limits, Team, parse_limits


class TeamServicer(teams_pb2_grpc.TeamServiceServicer):
    def __init__(
        self,
        *,
        queries: TeamQueries,
        create_team: CreateTeam,
        update_team: UpdateTeam,
        suspend_team: SuspendTeam,
        resume_team: ResumeTeam,
    ) -> None:
        self._queries = queries
        self._create_team = create_team
        self._update_team = update_team
        self._suspend_team = suspend_team
        self._resume_team = resume_team

    async def GetTeam(self, request: pb.GetTeamRequest, context: object) -> pb.GetTeamResponse:
        return pb.GetTeamResponse(team=_team(await self._queries.team(current_call().team_scope(request.id))))

    async def ListTeams(self, request: pb.ListTeamsRequest, context: object) -> pb.ListTeamsResponse:
        page = await self._queries.teams(
            page_size=request.pagination.page_size, page_token=request.pagination.page_token
        )
        return pb.ListTeamsResponse(
            teams=[_team(each) for each in page.items], pagination=page_response(page.next_token)
        )

    async def CreateTeam(self, request: pb.CreateTeamRequest, context: object) -> pb.CreateTeamResponse:
        def answer(team: Team) -> pb.CreateTeamResponse:
            return pb.CreateTeamResponse(team=_team(team))

        return answer(
            await self._create_team(
                request.id, request.display_name, _limits(request.limits), command=command(request, answer)
            )
        )

    async def UpdateTeam(self, request: pb.UpdateTeamRequest, context: object) -> pb.UpdateTeamResponse:
        def answer(team: Team) -> pb.UpdateTeamResponse:
            return pb.UpdateTeamResponse(team=_team(team))

        change = TeamChange(
            request.display_name if request.HasField("display_name") else None,
            _limits(request.limits) if request.HasField("limits") else None,
        )
        expected, asked = expected_revision(request), command(request, answer)
        return answer(await self._update_team(principal(), request.id, change, expected=expected, command=asked))

    async def SuspendTeam(self, request: pb.SuspendTeamRequest, context: object) -> pb.SuspendTeamResponse:
        def answer(team: Team) -> pb.SuspendTeamResponse:
            return pb.SuspendTeamResponse(team=_team(team))

        return answer(await self._suspend_team(principal(), request.id, command=command(request, answer)))

    async def ResumeTeam(self, request: pb.ResumeTeamRequest, context: object) -> pb.ResumeTeamResponse:
        def answer(team: Team) -> pb.ResumeTeamResponse:
            return pb.ResumeTeamResponse(team=_team(team))

        return answer(await self._resume_team(principal(), request.id, command=command(request, answer)))


def _limits(said: pb.TeamLimits) -> Limits:
    """Raises InvalidArgument."""
    return parse_limits(said.max_users, said.max_keys)


def _team(team: Team) -> pb.Team:
    return pb.Team(
        id=team.id,
        display_name=team.display_name,
        created_at=to_timestamp(team.created_at),
        suspended_at=to_timestamp(team.suspended_at),
        limits=pb.TeamLimits(max_users=team.limits.users, max_keys=team.limits.keys),
        revision=team.revision,
    )
