"""Make a rate plan."""

from fp_kernel import Clock, Command, Principal

from fp_billing.app.ports import Transactions
from fp_billing.app.refusals import plan_name_taken
from fp_billing.domain.plans import NewPlan, RatePlan, create_plan


class CreateRatePlan:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, new: NewPlan, caller: Principal, command: Command) -> RatePlan:
        """Raises InvalidArgument naming the field, AlreadyExists for a name that is taken."""
        plan = create_plan(new, self._clock.now())
        async with self._transactions(command) as tx:
            if not await tx.plans.add(plan, by=caller.user_id):
                raise plan_name_taken(plan.name)
            await tx.complete(plan)
        return plan
