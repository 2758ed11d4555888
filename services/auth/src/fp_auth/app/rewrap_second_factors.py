"""Wrap the data key of every second factor under the current key; see `rewrap_secrets`."""

from fp_kernel.key_encryption import KeyEncryption, KeyNotHere

from fp_auth.app.ports import Transactions
from fp_auth.app.rewrap_secrets import Rewrapped
from fp_auth.app.second_factor_ports import SecondFactorReads
from fp_auth.domain.second_factors import SecondFactor, factor_context

_BITE = 100


class RewrapSecondFactors:
    def __init__(self, reads: SecondFactorReads, transactions: Transactions, keys: KeyEncryption) -> None:
        self._reads = reads
        self._transactions = transactions
        self._keys = keys

    async def __call__(self) -> Rewrapped:
        done, failed, after = 0, 0, ""
        while True:
            bite = await self._reads.wrapped_by_others(self._keys.key_id, after, _BITE)
            for factor in bite:
                if await self._rewrap(factor):
                    done += 1
                else:
                    failed += 1
                after = factor.user_id
            if len(bite) < _BITE:
                return Rewrapped(done, failed)

    async def _rewrap(self, factor: SecondFactor) -> bool:
        context = factor_context(factor.user_id)
        try:
            data_key = await self._keys.unwrap(factor.key, context)
        except KeyNotHere:
            return False
        wrapped = await self._keys.wrap(data_key, context)
        async with self._transactions() as tx:
            await tx.second_factors.replace_key(factor, wrapped)
        return True
