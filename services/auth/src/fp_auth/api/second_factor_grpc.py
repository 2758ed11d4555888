"""SecondFactorService over gRPC: messages in, use-case, messages out."""

from forgepoint.auth.v1 import second_factor_pb2 as pb
from forgepoint.auth.v1 import second_factor_pb2_grpc
from fp_rpc import principal
from fp_rpc.times import to_timestamp

from fp_auth.api import convert
from fp_auth.app.change_second_factor import (
    RenewRecoveryCodes,
    ResetSecondFactor,
    SecondFactorQueries,
    TurnOffSecondFactor,
)
from fp_auth.app.turn_on_second_factor import BeginSecondFactor, ConfirmSecondFactor


class SecondFactorServicer(second_factor_pb2_grpc.SecondFactorServiceServicer):
    def __init__(
        self,
        *,
        queries: SecondFactorQueries,
        begin: BeginSecondFactor,
        confirm: ConfirmSecondFactor,
        turn_off: TurnOffSecondFactor,
        renew_recovery_codes: RenewRecoveryCodes,
        reset: ResetSecondFactor,
    ) -> None:
        self._queries = queries
        self._begin = begin
        self._confirm = confirm
        self._turn_off = turn_off
        self._renew_recovery_codes = renew_recovery_codes
        self._reset = reset

    async def GetSecondFactor(self, request: pb.GetSecondFactorRequest, context: object) -> pb.GetSecondFactorResponse:
        found = await self._queries(principal(), request.user_id, may_see=convert.visible_teams())
        status = pb.SecondFactor(
            user_id=found.user_id,
            turned_on=found.turned_on_at is not None,
            turned_on_at=to_timestamp(found.turned_on_at),
            recovery_codes_left=found.recovery_codes_left,
        )
        return pb.GetSecondFactorResponse(second_factor=status)

    async def BeginSecondFactor(
        self, request: pb.BeginSecondFactorRequest, context: object
    ) -> pb.BeginSecondFactorResponse:
        begun = await self._begin(principal(), request.password, address=convert.caller_address())
        return pb.BeginSecondFactorResponse(
            secret=begun.secret, otpauth_uri=begun.uri, expires_at=to_timestamp(begun.ends)
        )

    async def ConfirmSecondFactor(
        self, request: pb.ConfirmSecondFactorRequest, context: object
    ) -> pb.ConfirmSecondFactorResponse:
        codes = await self._confirm(principal(), request.totp_code)
        return pb.ConfirmSecondFactorResponse(recovery_codes=codes)

    async def TurnOffSecondFactor(
        self, request: pb.TurnOffSecondFactorRequest, context: object
    ) -> pb.TurnOffSecondFactorResponse:
        await self._turn_off(
            principal(), password=request.password, code=request.totp_code, address=convert.caller_address()
        )
        return pb.TurnOffSecondFactorResponse()

    async def RenewRecoveryCodes(
        self, request: pb.RenewRecoveryCodesRequest, context: object
    ) -> pb.RenewRecoveryCodesResponse:
        codes = await self._renew_recovery_codes(
            principal(), password=request.password, code=request.totp_code, address=convert.caller_address()
        )
        return pb.RenewRecoveryCodesResponse(recovery_codes=codes)

    async def ResetSecondFactor(
        self, request: pb.ResetSecondFactorRequest, context: object
    ) -> pb.ResetSecondFactorResponse:
        await self._reset(principal(), request.user_id, may_see=convert.visible_teams())
        return pb.ResetSecondFactorResponse()
