"""SignInService and WorkloadService over gRPC."""

from urllib.parse import urlencode

from forgepoint.auth.v1 import sign_in_pb2 as pb
from forgepoint.auth.v1 import workloads_pb2
from forgepoint.auth.v1.sign_in_pb2_grpc import SignInServiceServicer
from forgepoint.auth.v1.workloads_pb2_grpc import WorkloadServiceServicer
from fp_kernel import Principal
from fp_rpc import current_call, principal
from fp_rpc.times import to_duration, to_timestamp
from google.protobuf.timestamp_pb2 import Timestamp

from fp_auth.api import convert
from fp_auth.app.begin_sign_in import BeginSignIn
from fp_auth.app.complete_sign_in import Answer, CompleteSignIn
from fp_auth.app.exchange_workload_token import ExchangeWorkloadToken
from fp_auth.app.program_sign_in import BeginProgramSignIn, DecideProgramSignIn, RedeemProgramSignIn
from fp_auth.app.session import Session
from fp_auth.domain.program_sign_in import DEVICE_LIFE, POLL_EVERY, DeviceSignIn, shown
from fp_auth.domain.workloads import WORKLOAD_ROLE


class SignInServicer(SignInServiceServicer):
    def __init__(
        self,
        *,
        begin: BeginSignIn,
        complete: CompleteSignIn,
        begin_program: BeginProgramSignIn,
        decide: DecideProgramSignIn,
        redeem: RedeemProgramSignIn,
    ) -> None:
        self._begin = begin
        self._complete = complete
        self._begin_program = begin_program
        self._decide = decide
        self._redeem = redeem

    async def ListSignInIssuers(
        self, request: pb.ListSignInIssuersRequest, context: object
    ) -> pb.ListSignInIssuersResponse:
        issuers = [pb.SignInIssuer(name=each.name, title=each.title) for each in self._begin.issuers()]
        return pb.ListSignInIssuersResponse(issuers=issuers)

    async def BeginSignIn(self, request: pb.BeginSignInRequest, context: object) -> pb.BeginSignInResponse:
        begun = await self._begin(request.name, request.return_to)
        return pb.BeginSignInResponse(
            authorization_url=begun.authorization_url, flow=begun.flow, expires_at=to_timestamp(begun.ends)
        )

    async def CompleteSignIn(self, request: pb.CompleteSignInRequest, context: object) -> pb.CompleteSignInResponse:
        answer = Answer(request.state, request.code, request.issuer, request.error)
        session, return_to = await self._complete(request.flow, answer)
        _identify(session)
        return pb.CompleteSignInResponse(session=convert.login_to_pb(session), return_to=return_to)

    async def BeginDeviceSignIn(
        self, request: pb.BeginDeviceSignInRequest, context: object
    ) -> pb.BeginDeviceSignInResponse:
        begun = await self._begin_program.device(request.program)
        page, code = f"{self._begin_program.public_url}/login/device", shown(begun.user_code)
        return pb.BeginDeviceSignInResponse(
            device_code=begun.device_code,
            user_code=code,
            verification_url=page,
            verification_url_complete=f"{page}?{urlencode({'user_code': code})}",
            expires_at=to_timestamp(begun.ends),
            interval=to_duration(POLL_EVERY),
            expires_in=to_duration(DEVICE_LIFE),
        )

    async def PollDeviceSignIn(
        self, request: pb.PollDeviceSignInRequest, context: object
    ) -> pb.PollDeviceSignInResponse:
        return pb.PollDeviceSignInResponse(state=_state(await self._redeem.poll(request.device_code)))

    async def RedeemDeviceSignIn(
        self, request: pb.RedeemDeviceSignInRequest, context: object
    ) -> pb.RedeemDeviceSignInResponse:
        session = await self._redeem.device(request.device_code)
        _identify(session)
        return pb.RedeemDeviceSignInResponse(session=convert.login_to_pb(session))

    async def BeginLoopbackSignIn(
        self, request: pb.BeginLoopbackSignInRequest, context: object
    ) -> pb.BeginLoopbackSignInResponse:
        url, ends = self._begin_program.loopback(
            program=request.program, port=request.port, challenge=request.code_challenge, state=request.state
        )
        return pb.BeginLoopbackSignInResponse(sign_in_url=url, expires_at=to_timestamp(ends))

    async def RedeemLoopbackSignIn(
        self, request: pb.RedeemLoopbackSignInRequest, context: object
    ) -> pb.RedeemLoopbackSignInResponse:
        session = await self._redeem.loopback(request.code, request.code_verifier)
        _identify(session)
        return pb.RedeemLoopbackSignInResponse(session=convert.login_to_pb(session))

    async def GetProgramSignIn(
        self, request: pb.GetProgramSignInRequest, context: object
    ) -> pb.GetProgramSignInResponse:
        if request.HasField("request"):
            asked = self._decide.loopback(request.request)
            ends = Timestamp(seconds=int(asked.ends))
            return pb.GetProgramSignInResponse(program=asked.program, expires_at=ends, port=asked.port)
        found = await self._decide.device(request.user_code)
        return pb.GetProgramSignInResponse(
            program=found.program, expires_at=to_timestamp(found.ends), user_code=shown(found.user_code)
        )

    async def DecideProgramSignIn(
        self, request: pb.DecideProgramSignInRequest, context: object
    ) -> pb.DecideProgramSignInResponse:
        if request.HasField("request"):
            url = self._decide.decide_loopback(principal(), request.request, allow=request.allow)
            return pb.DecideProgramSignInResponse(redirect_url=url)
        await self._decide.decide_device(principal(), request.user_code, allow=request.allow)
        return pb.DecideProgramSignInResponse()


class WorkloadServicer(WorkloadServiceServicer):
    def __init__(self, exchange: ExchangeWorkloadToken) -> None:
        self._exchange = exchange

    async def ExchangeWorkloadToken(
        self, request: workloads_pb2.ExchangeWorkloadTokenRequest, context: object
    ) -> workloads_pb2.ExchangeWorkloadTokenResponse:
        issued = await self._exchange(request.subject_token, name=request.name, scopes=request.scopes)
        # The audit log names the mapping; the call itself was anonymous.
        holder = Principal(
            user_id=f"workload:{issued.trust.name}",
            team=issued.trust.team,
            role=WORKLOAD_ROLE,
            scopes=frozenset(),
            expires_at=0.0,
        )
        current_call().identify(holder)
        return workloads_pb2.ExchangeWorkloadTokenResponse(
            access_token=issued.access_token,
            expires_at=to_timestamp(issued.ends),
            expires_in=to_duration(issued.life),
            scopes=sorted(issued.scopes),
        )


def _identify(session: Session) -> None:
    current_call().identify(convert.user_to_principal(session.user))


def _state(found: DeviceSignIn) -> pb.DeviceSignInState.ValueType:
    if found.decided_at is None:
        return pb.DEVICE_SIGN_IN_STATE_PENDING
    return pb.DEVICE_SIGN_IN_STATE_ALLOWED if found.user_id else pb.DEVICE_SIGN_IN_STATE_DENIED
