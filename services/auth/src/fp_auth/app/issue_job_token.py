"""A token for one job of one execution of one team."""

from dataclasses import dataclass
from datetime import timedelta

from fp_kernel import Clock, Principal, invalid, new_id
from fp_kernel.identity import JOB_ROLE

from fp_auth.app.exchange_service_token import IssuedToken
from fp_auth.app.ports import Stores, TokenSigner
from fp_auth.app.session import role_named
from fp_auth.domain import claims

DEFAULT_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssueJobToken:
    stores: Stores
    signer: TokenSigner
    clock: Clock

    async def __call__(
        self, caller: Principal, *, execution_id: str, step_id: str, life: timedelta = DEFAULT_LIFE
    ) -> IssuedToken:
        """The team and the user are those that the calling service acts for. Raises InvalidArgument."""
        claims.check_job(execution_id, step_id, life)
        if not caller.team:
            raise invalid("fp-on-behalf-of-team", "name the team that the job belongs to")
        now = self.clock.now()
        said = claims.of_job(
            user_id="" if caller.user_id == caller.service else caller.user_id,
            team=caller.team,
            execution_id=execution_id,
            step_id=step_id,
            role=await role_named(self.stores.roles, JOB_ROLE),
            now=now,
            life=life,
            token_id=new_id(),
        )
        return IssuedToken(self.signer.sign(said), now + life)
