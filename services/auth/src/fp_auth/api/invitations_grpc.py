"""InvitationService over gRPC: messages in, use-case, messages out."""

from forgepoint.auth.v1 import invitations_pb2 as pb
from forgepoint.auth.v1 import invitations_pb2_grpc
from fp_rpc import current_call, principal
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.api import convert
from fp_auth.app.accept_invitation import AcceptInvitation
from fp_auth.app.invitations import CreateInvitation, InvitationQueries, WithdrawInvitation
from fp_auth.app.register import RequestRegistration
from fp_auth.domain.invitations import Invitation


class InvitationServicer(invitations_pb2_grpc.InvitationServiceServicer):
    def __init__(
        self,
        *,
        queries: InvitationQueries,
        create_invitation: CreateInvitation,
        withdraw_invitation: WithdrawInvitation,
        accept_invitation: AcceptInvitation,
        request_registration: RequestRegistration,
    ) -> None:
        self._queries = queries
        self._create_invitation = create_invitation
        self._withdraw_invitation = withdraw_invitation
        self._accept_invitation = accept_invitation
        self._request_registration = request_registration

    async def CreateInvitation(
        self, request: pb.CreateInvitationRequest, context: object
    ) -> pb.CreateInvitationResponse:
        invited = await self._create_invitation(
            principal(),
            email=request.email,
            role_name=request.role_name,
            team=current_call().team_scope(request.team),
        )
        return pb.CreateInvitationResponse(
            invitation=_invitation(invited.invitation), delivery=convert.delivery_to_pb(invited.delivery)
        )

    async def ListInvitations(self, request: pb.ListInvitationsRequest, context: object) -> pb.ListInvitationsResponse:
        page = await self._queries.pending(
            current_call().team_scope(request.team_filter),
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
        )
        return pb.ListInvitationsResponse(
            invitations=[_invitation(each) for each in page.items], pagination=page_response(page.next_token)
        )

    async def WithdrawInvitation(
        self, request: pb.WithdrawInvitationRequest, context: object
    ) -> pb.WithdrawInvitationResponse:
        await self._withdraw_invitation(principal(), request.invitation_id, may_see=convert.visible_teams())
        return pb.WithdrawInvitationResponse()

    async def AcceptInvitation(
        self, request: pb.AcceptInvitationRequest, context: object
    ) -> pb.AcceptInvitationResponse:
        user = await self._accept_invitation(request.token, name=request.name, password=request.password)
        current_call().identify(convert.user_to_principal(user))
        return pb.AcceptInvitationResponse(user=convert.user_to_pb(user))

    async def RequestRegistration(
        self, request: pb.RequestRegistrationRequest, context: object
    ) -> pb.RequestRegistrationResponse:
        await self._request_registration(request.email)
        return pb.RequestRegistrationResponse()


def _invitation(invitation: Invitation) -> pb.Invitation:
    return pb.Invitation(
        id=invitation.id,
        team=invitation.team,
        email=invitation.email,
        role_name=invitation.role,
        invited_by=invitation.invited_by,
        created_at=to_timestamp(invitation.created_at),
        expires_at=to_timestamp(invitation.expires_at),
    )
