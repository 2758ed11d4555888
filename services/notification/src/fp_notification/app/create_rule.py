"""Make a rule of a team."""

from fp_kernel import Clock, Command, Principal
from fp_kernel.secret_references import is_reference

from fp_notification.app.ports import Sender, Transactions
from fp_notification.app.refusals import mail_not_configured, rule_name_taken, too_many_rules
from fp_notification.domain import preferences
from fp_notification.domain.preferences import MAX_RULES, NewRule
from fp_notification.domain.recipients import Channel, Recipient


class CreateRule:
    """mailing: whether the platform has a mail server."""

    def __init__(self, transactions: Transactions, sender: Sender, clock: Clock, *, mailing: bool = False) -> None:
        self._mailing = mailing
        self._transactions = transactions
        self._sender = sender
        self._clock = clock

    async def __call__(self, caller: Principal, new: NewRule, command: Command) -> Recipient:
        """Raises InvalidArgument naming the field, AlreadyExists for a name that is taken, FailedPrecondition when
        the team has a hundred.
        """
        rule = preferences.create_rule(new, team=caller.team, by=caller.user_id, now=self._clock.now())
        if rule.channel(Channel.EMAIL) is not None and not self._mailing:
            raise mail_not_configured()
        if rule.channel(Channel.EMAIL) is None and new.target and not is_reference(new.target):
            await self._sender.check(new.target, "target")
        async with self._transactions(command) as tx:
            if await tx.recipients.count_rules(caller.team) >= MAX_RULES:
                raise too_many_rules(MAX_RULES)
            if not await tx.recipients.add_rule(rule):
                raise rule_name_taken(rule.name)
            await tx.complete(rule)
        return rule
