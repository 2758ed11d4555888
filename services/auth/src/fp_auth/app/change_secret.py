"""Disable, enable and destroy versions, and delete secrets."""

from fp_kernel import Clock, Command, Principal, invalid
from fp_kernel.secret_references import parse_secret_name

from fp_auth.app.refusals import no_secret, no_secret_version
from fp_auth.app.secret_ports import SecretTransactions
from fp_auth.domain.secrets import Version, VersionStatus


class ChangeSecretVersion:
    """status: what versions become."""

    def __init__(self, transactions: SecretTransactions, clock: Clock, status: VersionStatus) -> None:
        self._transactions = transactions
        self._clock = clock
        self._status = status

    async def __call__(self, caller: Principal, *, name: str, number: int, command: Command) -> Version:
        """Raises InvalidArgument, NotFound, FailedPrecondition for a version that is destroyed."""
        parse_secret_name(name, "name")
        if number < 1:
            raise invalid("version", "must be the number of a version")
        async with self._transactions(command) as tx:
            if not (await tx.secrets.lock(caller.team, name)).exists:
                raise no_secret(name)
            present = await tx.secrets.version(caller.team, name, number)
            if present is None:
                raise no_secret_version(name, number)
            changed = present.become(self._status, caller.user_id, self._clock.now())
            if changed is not present:
                await tx.secrets.save_version(caller.team, name, changed)
            await tx.complete(changed)
        return changed


class DeleteSecret:
    def __init__(self, transactions: SecretTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, *, name: str, command: Command) -> None:
        """Raises InvalidArgument, NotFound."""
        parse_secret_name(name, "name")
        async with self._transactions(command) as tx:
            if not await tx.secrets.delete(caller.team, name, self._clock.now()):
                raise no_secret(name)
            await tx.complete(None)
