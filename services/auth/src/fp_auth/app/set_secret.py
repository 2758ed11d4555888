"""Store a value as the newest version of a secret."""

from fp_kernel import Clock, Command, Principal
from fp_kernel.key_encryption import KeyEncryption
from fp_kernel.secret_references import parse_secret_name

from fp_auth.app.refusals import secret_changed, too_many_secrets, too_many_versions
from fp_auth.app.secret_ports import Envelope, Held, Secrets, SecretTransactions
from fp_auth.domain.secrets import (
    MOST_SECRETS,
    MOST_VERSIONS,
    SealedVersion,
    Version,
    VersionStatus,
    check_value,
    key_context,
    version_context,
)


class SetSecret:
    def __init__(self, transactions: SecretTransactions, keys: KeyEncryption, envelope: Envelope, clock: Clock) -> None:
        self._transactions = transactions
        self._keys = keys
        self._envelope = envelope
        self._clock = clock

    async def __call__(
        self, caller: Principal, *, name: str, value: bytes, expected: int | None, command: Command
    ) -> Version:
        """expected: the latest version that the caller knows, 0 for none; None for whatever there is.

        Raises InvalidArgument, Aborted for another version than expected, FailedPrecondition for too many.
        """
        team, now = caller.team, self._clock.now()
        parse_secret_name(name, "name")
        check_value(value)
        data_key = self._envelope.new_key()
        # Asks what may be a service on the network, so before the transaction.
        wrapped = await self._keys.wrap(data_key, key_context(team, name))
        async with self._transactions(command) as tx:
            held = await _hold(tx.secrets, team, name)
            if expected is not None and expected != (held.last_version if held.exists else 0):
                raise secret_changed(name)
            if held.versions >= MOST_VERSIONS:
                raise too_many_versions(MOST_VERSIONS)
            if not held.exists:
                await tx.secrets.add(team, name, caller.user_id, now)
            number = held.last_version + 1
            version = Version(number, VersionStatus.ENABLED, caller.user_id, now)
            sealed = self._envelope.seal(data_key, value, version_context(team, name, number))
            await tx.secrets.add_version(team, SealedVersion(name, number, version.status, wrapped, sealed), version)
            await tx.complete(version)
        return version


async def _hold(secrets: Secrets, team: str, name: str) -> Held:
    """Raises FailedPrecondition for a new one when the team may have no more."""
    held = await secrets.lock(team, name)
    if held.exists:
        return held
    if await secrets.lock_team(team) >= MOST_SECRETS:
        raise too_many_secrets(MOST_SECRETS)
    # Another one may have made it while the team was locked.
    return await secrets.lock(team, name)
