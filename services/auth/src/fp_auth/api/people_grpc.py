"""PeopleService over gRPC: messages in, use-case, messages out."""

from forgepoint.auth.v1 import people_pb2 as pb
from forgepoint.auth.v1 import people_pb2_grpc
from fp_rpc import command, current_call, principal
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.api import convert
from fp_auth.app.delete_user import DeleteUser
from fp_auth.app.disable_user import DisableUser, EnableUser
from fp_auth.app.end_sessions import EndSession, LogOutEverywhere
from fp_auth.app.passwords import (
    ChangePassword,
    CompletePasswordReset,
    RequestPasswordReset,
    ResetUserPassword,
)
from fp_auth.app.people_queries import PeopleQueries
from fp_auth.app.update_profile import UpdateProfile
from fp_auth.app.verify_email import RequestEmailVerification, VerifyEmail
from fp_auth.domain.sessions import OpenedSession
from fp_auth.domain.users import User


class PeopleServicer(people_pb2_grpc.PeopleServiceServicer):
    def __init__(
        self,
        *,
        queries: PeopleQueries,
        disable_user: DisableUser,
        enable_user: EnableUser,
        delete_user: DeleteUser,
        update_profile: UpdateProfile,
        change_password: ChangePassword,
        reset_user_password: ResetUserPassword,
        request_password_reset: RequestPasswordReset,
        complete_password_reset: CompletePasswordReset,
        request_email_verification: RequestEmailVerification,
        verify_email: VerifyEmail,
        end_session: EndSession,
        log_out_everywhere: LogOutEverywhere,
    ) -> None:
        self._queries = queries
        self._disable_user = disable_user
        self._enable_user = enable_user
        self._delete_user = delete_user
        self._update_profile = update_profile
        self._change_password = change_password
        self._reset_user_password = reset_user_password
        self._request_password_reset = request_password_reset
        self._complete_password_reset = complete_password_reset
        self._request_email_verification = request_email_verification
        self._verify_email = verify_email
        self._end_session = end_session
        self._log_out_everywhere = log_out_everywhere

    async def GetUser(self, request: pb.GetUserRequest, context: object) -> pb.GetUserResponse:
        user = await self._queries.user(principal(), request.user_id, may_see=convert.visible_teams())
        return pb.GetUserResponse(user=convert.user_to_pb(user))

    async def DisableUser(self, request: pb.DisableUserRequest, context: object) -> pb.DisableUserResponse:
        def answer(user: User) -> pb.DisableUserResponse:
            return pb.DisableUserResponse(user=convert.user_to_pb(user))

        return answer(
            await self._disable_user(
                principal(), request.user_id, may_see=convert.visible_teams(), command=command(request, answer)
            )
        )

    async def EnableUser(self, request: pb.EnableUserRequest, context: object) -> pb.EnableUserResponse:
        def answer(user: User) -> pb.EnableUserResponse:
            return pb.EnableUserResponse(user=convert.user_to_pb(user))

        return answer(
            await self._enable_user(
                principal(), request.user_id, may_see=convert.visible_teams(), command=command(request, answer)
            )
        )

    async def DeleteUser(self, request: pb.DeleteUserRequest, context: object) -> pb.DeleteUserResponse:
        done = command(request, lambda _: pb.DeleteUserResponse())
        await self._delete_user(principal(), request.user_id, may_see=convert.visible_teams(), command=done)
        return pb.DeleteUserResponse()

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, context: object) -> pb.UpdateProfileResponse:
        user = await self._update_profile(principal(), request.name)
        return pb.UpdateProfileResponse(user=convert.user_to_pb(user))

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: object) -> pb.ChangePasswordResponse:
        address = convert.caller_address()
        await self._change_password(principal(), request.old_password, request.new_password, address=address)
        return pb.ChangePasswordResponse()

    async def ResetUserPassword(
        self, request: pb.ResetUserPasswordRequest, context: object
    ) -> pb.ResetUserPasswordResponse:
        delivery = await self._reset_user_password(principal(), request.user_id, may_see=convert.visible_teams())
        return pb.ResetUserPasswordResponse(delivery=convert.delivery_to_pb(delivery))

    async def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, context: object
    ) -> pb.RequestPasswordResetResponse:
        await self._request_password_reset(request.email)
        return pb.RequestPasswordResetResponse()

    async def CompletePasswordReset(
        self, request: pb.CompletePasswordResetRequest, context: object
    ) -> pb.CompletePasswordResetResponse:
        user = await self._complete_password_reset(request.token, request.new_password)
        current_call().identify(convert.user_to_principal(user))
        return pb.CompletePasswordResetResponse()

    async def RequestEmailVerification(
        self, request: pb.RequestEmailVerificationRequest, context: object
    ) -> pb.RequestEmailVerificationResponse:
        return pb.RequestEmailVerificationResponse(
            delivery=convert.delivery_to_pb(await self._request_email_verification(principal()))
        )

    async def VerifyEmail(self, request: pb.VerifyEmailRequest, context: object) -> pb.VerifyEmailResponse:
        await self._verify_email(request.token)
        return pb.VerifyEmailResponse()

    async def ListSessions(self, request: pb.ListSessionsRequest, context: object) -> pb.ListSessionsResponse:
        caller = principal()
        page = await self._queries.sessions(
            caller,
            request.user_id,
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
            may_see=convert.visible_teams(),
        )
        return pb.ListSessionsResponse(
            sessions=[_session(each, current=caller.session_id) for each in page.items],
            pagination=page_response(page.next_token),
        )

    async def EndSession(self, request: pb.EndSessionRequest, context: object) -> pb.EndSessionResponse:
        await self._end_session(principal(), request.session_id, may_see=convert.visible_teams())
        return pb.EndSessionResponse()

    async def LogOutEverywhere(
        self, request: pb.LogOutEverywhereRequest, context: object
    ) -> pb.LogOutEverywhereResponse:
        caller = principal()
        user_id = caller.user_id if request.myself else request.user_id
        await self._log_out_everywhere(caller, user_id, may_see=convert.visible_teams())
        return pb.LogOutEverywhereResponse()


def _session(session: OpenedSession, *, current: str) -> pb.Session:
    return pb.Session(
        id=session.id,
        user_id=session.user_id,
        started_at=to_timestamp(session.started_at),
        last_used_at=to_timestamp(session.last_used_at),
        ends_at=to_timestamp(session.ends_at),
        address=session.address,
        current=session.id == current,
    )
