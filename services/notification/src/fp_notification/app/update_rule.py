"""Replace what a rule of a team says."""

from fp_kernel import Clock, Command, Principal
from fp_kernel.revisions import check_revision
from fp_kernel.secret_references import is_reference

from fp_notification.app.ports import Reads, Sender, Transactions
from fp_notification.app.refusals import mail_not_configured, no_rule
from fp_notification.domain.preferences import NewRule, change_rule, names_new_target
from fp_notification.domain.recipients import CALLED, Channel, Recipient, RecipientKind


class UpdateRule:
    """mailing: whether the platform has a mail server."""

    def __init__(
        self, transactions: Transactions, reads: Reads, sender: Sender, clock: Clock, *, mailing: bool = False
    ) -> None:
        self._mailing = mailing
        self._transactions = transactions
        self._reads = reads
        self._sender = sender
        self._clock = clock

    async def __call__(
        self, caller: Principal, rule_id: str, wanted: NewRule, command: Command, *, expected: int | None = None
    ) -> Recipient:
        """What waits to be delivered goes to where the rule says by then.

        Raises InvalidArgument naming the field, NotFound, AlreadyExists for a name that is taken, Aborted when the rule
        has another revision than the expected one, FailedPrecondition for mails without a mail server.
        """
        found = await self._reads.recipient(caller.team, rule_id, RecipientKind.RULE)
        if found is None:
            raise no_rule()
        # Asks the network, so before the transaction. A target that stays is not asked about: it may be away.
        await self._check_target(wanted, found)
        async with self._transactions(command) as tx:
            present = await tx.recipients.lock(caller.team, rule_id)
            if present is None or present.kind is not RecipientKind.RULE:
                raise no_rule()
            # A target that was as it was shown when it was looked at, and is another one by now, is no address.
            moved = names_new_target(wanted, present) != names_new_target(wanted, found)
            known = found.revision if moved else expected
            check_revision(known, present.revision, changed_by=present.changed_by or present.created_by)
            changed = change_rule(present, wanted, by=caller.user_id, now=self._clock.now())
            await tx.recipients.save(changed)
            await tx.complete(changed)
        return changed

    async def _check_target(self, wanted: NewRule, present: Recipient) -> None:
        channels = {channel for channel, _ in wanted.channels}
        if Channel.EMAIL in channels and not self._mailing:
            raise mail_not_configured()
        if channels & CALLED and names_new_target(wanted, present) and not is_reference(wanted.target):
            await self._sender.check(wanted.target, "target")
