"""A token for one job of one execution of one team."""

from collections.abc import Sequence
from datetime import timedelta

from fp_kernel import Clock, FailedPrecondition, PermissionDenied, Principal, invalid, is_id, new_id
from fp_kernel.identity import JOB_ROLE

from fp_auth.app.exchange_service_token import IssuedToken
from fp_auth.app.ports import Roles, TokenSigner, Transaction, Transactions
from fp_auth.app.session import role_named
from fp_auth.domain import claims
from fp_auth.domain.scopes import covers

DEFAULT_LIFE = timedelta(hours=1)


class IssueJobToken:
    def __init__(self, roles: Roles, transactions: Transactions, signer: TokenSigner, clock: Clock) -> None:
        self._roles = roles
        self._transactions = transactions
        self._signer = signer
        self._clock = clock

    async def __call__(
        self,
        caller: Principal,
        *,
        execution_id: str,
        step_id: str,
        life: timedelta = DEFAULT_LIFE,
        permissions: Sequence[str] = (),
    ) -> IssuedToken:
        """The team and the user are those that the calling service acts for. The execution's end is the token's.

        permissions: beyond those of every job. Raises InvalidArgument, FailedPrecondition for an execution that has
        ended, and for a user or a team who may not come in, PermissionDenied for a permission that the user has not.
        """
        claims.check_job(execution_id, step_id, life, permissions)
        if not caller.team:
            raise invalid("fp-on-behalf-of-team", "name the team that the job belongs to")
        user_id = "" if caller.user_id == caller.service else caller.user_id
        now = self._clock.now()
        said = claims.of_job(
            user_id=user_id,
            team=caller.team,
            execution_id=execution_id,
            step_id=step_id,
            scopes=(await role_named(self._roles, JOB_ROLE)).scopes | frozenset(permissions),
            now=now,
            life=life,
            token_id=new_id(),
        )
        async with self._transactions() as tx:
            await _check_active(tx, caller.team, user_id)
            if user_id and permissions:
                await _check_granted(tx, caller.team, user_id, permissions)
            if not await tx.job_executions.issue(execution_id, caller.team, now + life):
                raise FailedPrecondition("execution_id: the execution has ended", reason="EXECUTION_ENDED")
        return IssuedToken(self._signer.sign(said), now + life)


async def _check_granted(tx: Transaction, team: str, user_id: str, permissions: Sequence[str]) -> None:
    """Who starts a job gets nothing by it that is not his. What the platform starts itself is nobody's."""
    user = await tx.users.find(user_id) if is_id(user_id) else None
    if user is not None:
        held = (await role_named(tx.roles, user.role, user.team)).scopes
    else:
        account = await tx.service_accounts.lock(team, user_id) if is_id(user_id) else None
        held = account.scopes if account is not None else frozenset()
    missing = [each for each in permissions if not covers(held, each)]
    if missing:
        raise PermissionDenied(
            f"permissions: the job needs {missing[0]}, which who started it does not have", reason="SCOPE_NOT_GRANTED"
        )


async def _check_active(tx: Transaction, team_id: str, user_id: str) -> None:
    """A job that is tried again must not go on for somebody whose tokens ended."""
    team = await tx.teams.find(team_id)
    if team is not None and team.suspended_at is not None:
        raise FailedPrecondition("the team for which the job runs is suspended", reason="TEAM_SUSPENDED")
    user = await tx.users.find(user_id) if is_id(user_id) else None
    if user is not None and not user.active:
        raise FailedPrecondition("the user for whom the job runs is disabled or deleted", reason="USER_DISABLED")
