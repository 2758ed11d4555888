"""WithdrawalService over gRPC."""

from collections.abc import AsyncIterator

from forgepoint.auth.v1 import withdrawals_pb2 as pb
from forgepoint.auth.v1 import withdrawals_pb2_grpc
from fp_rpc.times import to_timestamp

from fp_auth.app.account_ports import WithdrawalReads
from fp_auth.domain.withdrawals import Withdrawal


class WithdrawalServicer(withdrawals_pb2_grpc.WithdrawalServiceServicer):
    def __init__(self, reads: WithdrawalReads) -> None:
        self._reads = reads

    async def ListWithdrawals(
        self, request: pb.ListWithdrawalsRequest, context: object
    ) -> AsyncIterator[pb.ListWithdrawalsResponse]:
        async for page in self._reads.pages():
            yield pb.ListWithdrawalsResponse(withdrawals=[_to_pb(each) for each in page])


def _to_pb(withdrawal: Withdrawal) -> pb.Withdrawal:
    return pb.Withdrawal(
        kind=withdrawal.kind,
        id=withdrawal.id,
        revision=withdrawal.revision,
        before=to_timestamp(withdrawal.before),
        spared_session_id=withdrawal.spared_session,
        until=to_timestamp(withdrawal.until),
    )
