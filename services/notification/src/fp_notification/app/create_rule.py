"""Make a rule of a team."""

from dataclasses import dataclass

from fp_kernel import Clock, Command, Principal

from fp_notification.app.missing import rule_name_taken, too_many_rules
from fp_notification.app.ports import Sender, Transactions
from fp_notification.domain import preferences
from fp_notification.domain.preferences import MAX_RULES, NewRule
from fp_notification.domain.recipients import Recipient


@dataclass(frozen=True, slots=True)
class CreateRule:
    transactions: Transactions
    sender: Sender
    clock: Clock

    async def __call__(self, caller: Principal, new: NewRule, command: Command) -> Recipient:
        """Raises InvalidArgument naming the field, AlreadyExists for a name that is taken, FailedPrecondition when
        the team has a hundred.
        """
        rule = preferences.create_rule(new, team=caller.team, by=caller.user_id, now=self.clock.now())
        if new.target:
            await self.sender.check(new.target, "target")
        async with self.transactions(command) as tx:
            if await tx.rules(caller.team) >= MAX_RULES:
                raise too_many_rules(MAX_RULES)
            if not await tx.add_rule(rule):
                raise rule_name_taken(rule.name)
            await tx.complete(rule)
        return rule
