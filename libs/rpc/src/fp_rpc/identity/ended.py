"""Applies auth's events about ended credentials to everything that this process remembers."""

from forgepoint.events.v1.events_pb2 import ApiKeyRevoked, ApiKeyRotated, IdentityEnded, IdentityRestored

from fp_rpc.identity.access_tokens import LONGEST_LIFE
from fp_rpc.identity.api_keys import ApiKeyResolver
from fp_rpc.identity.auth_client import withdrawal_of
from fp_rpc.identity.withdrawals import API_KEY, FINAL, Withdrawal, Withdrawals
from fp_rpc.times import seconds_of


class EndedIdentities:
    """keys: API keys that were verified; None where they are not remembered."""

    def __init__(self, withdrawals: Withdrawals, keys: ApiKeyResolver | None = None) -> None:
        self._withdrawals = withdrawals
        self._keys = keys

    async def heed(self, payload: object) -> None:
        """The payload of one event; any other one changes nothing."""
        match payload:
            case IdentityEnded():
                self._withdrawals.add(withdrawal_of(payload))
            case IdentityRestored():
                self._withdrawals.add(withdrawal_of(payload))
                if self._keys is not None:
                    self._keys.ask_again()
            case ApiKeyRevoked():
                self._drop(payload.key_id)
                until = seconds_of(payload.revoked_at) + LONGEST_LIFE
                self._withdrawals.add(Withdrawal(API_KEY, payload.key_id, FINAL, until))
            case ApiKeyRotated() if payload.replaced_key_id:
                # It may be good for an overlap; the next call with it asks auth.
                self._drop(payload.replaced_key_id)

    async def renew(self) -> None:
        """Ask auth for what ended before the events came."""
        await self._withdrawals.renew()

    def _drop(self, key_id: str) -> None:
        if self._keys is not None:
            self._keys.drop(key_id)
