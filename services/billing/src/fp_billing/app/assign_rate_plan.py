"""Put a team on a rate plan."""

from dataclasses import dataclass
from datetime import datetime

from fp_kernel import Clock, Command, Principal
from fp_kernel.revisions import check_revision

from fp_billing.app.ports import Transactions
from fp_billing.app.refusals import no_plan
from fp_billing.domain.accounts import change_plan
from fp_billing.domain.periods import period_of
from fp_billing.domain.plans import RatePlan


@dataclass(frozen=True, slots=True)
class Assigned:
    team: str
    plan: RatePlan
    at: datetime


class AssignRatePlan:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, team: str, plan_id: str, caller: Principal, command: Command, *, expected: int | None = None
    ) -> Assigned:
        """From the next recorded usage on; past periods keep the plan they had.

        Raises NotFound, FailedPrecondition when this period was used in another currency, Aborted when the team's
        assignment has another revision than the expected one.
        """
        now = self._clock.now()
        async with self._transactions(command) as tx:
            plan = await tx.plans.find(plan_id)
            if plan is None:
                raise no_plan()
            held = await tx.accounts.hold(team, now)
            present = await tx.accounts.assignment(team)
            check_revision(expected, present.revision, changed_by=present.by)
            account = await tx.accounts.find(team, period_of(now), held)
            await tx.accounts.save(change_plan(account, plan))
            await tx.accounts.assign(team, plan, by=caller.user_id, now=now)
            assigned = Assigned(team, plan, now)
            await tx.complete(assigned)
        return assigned
