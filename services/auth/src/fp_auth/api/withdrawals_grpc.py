"""WithdrawalService over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from forgepoint.auth.v1 import withdrawals_pb2 as pb
from forgepoint.auth.v1 import withdrawals_pb2_grpc
from fp_kernel import ResourceExhausted
from fp_rpc.identity.withdrawals import SIGNING_KEY, Withdrawals
from fp_rpc.identity.withdrawals import Withdrawal as Held
from fp_rpc.times import to_timestamp

from fp_auth.app.account_ports import WithdrawalReads
from fp_auth.domain.withdrawals import Withdrawal

# Half of the calls that a server takes: the other places stay free for people who log in.
_MOST_WATCHERS: Final = 1_000
# For an event that did not come.
_ASK_AGAIN: Final = 60.0
_RETRY_AFTER: Final = 10.0


class WithdrawalServicer(withdrawals_pb2_grpc.WithdrawalServiceServicer):
    """reads: what is stored. held: what this replica holds, which changes with the events."""

    def __init__(self, reads: WithdrawalReads, held: Withdrawals) -> None:
        self._reads = reads
        self._held = held
        self._changed = asyncio.Event()
        self._watchers = 0
        held.subscribe(self._wake)

    async def ListWithdrawals(
        self, request: pb.ListWithdrawalsRequest, context: object
    ) -> AsyncIterator[pb.ListWithdrawalsResponse]:
        async for page in self._reads.pages():
            yield pb.ListWithdrawalsResponse(withdrawals=[_to_pb(each) for each in page])

    async def WatchSigningKeys(
        self, request: pb.WatchSigningKeysRequest, context: object
    ) -> AsyncIterator[pb.WatchSigningKeysResponse]:
        if self._watchers >= _MOST_WATCHERS:
            raise ResourceExhausted(
                "too many watch the signing keys here", reason="TOO_MANY_CALLS", retry_after=_RETRY_AFTER
            )
        self._watchers += 1
        try:
            said: dict[str, int] | None = None
            while True:
                changed = self._changed
                withdrawn = await self._held.of_kind(SIGNING_KEY)
                new = [each for each in withdrawn if (said or {}).get(each.id) != each.revision]
                if new or said is None:
                    yield pb.WatchSigningKeysResponse(withdrawals=[_held_to_pb(each) for each in new])
                said = {each.id: each.revision for each in withdrawn}
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ASK_AGAIN):
                        await changed.wait()
        finally:
            self._watchers -= 1

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _to_pb(withdrawal: Withdrawal) -> pb.Withdrawal:
    return pb.Withdrawal(
        kind=withdrawal.kind,
        id=withdrawal.id,
        revision=withdrawal.revision,
        before=to_timestamp(withdrawal.before),
        spared_session_id=withdrawal.spared_session,
        until=to_timestamp(withdrawal.until),
    )


def _held_to_pb(held: Held) -> pb.Withdrawal:
    """A key ends for good, so that it has no `before`."""
    said = pb.Withdrawal(kind=held.kind, id=held.id, revision=held.revision)
    said.until.FromNanoseconds(int(held.until * 1_000_000_000))
    return said
