"""Replace which events a person is notified of, and where."""

from collections.abc import Sequence
from dataclasses import replace

from fp_kernel import Clock, Command, Principal
from fp_kernel.secret_references import is_reference

from fp_notification.app.ports import Member, Reads, Sender, Transactions
from fp_notification.app.refusals import mail_not_configured
from fp_notification.domain.preferences import WantedChannel, check_mutes, choose_channels, reuses_target
from fp_notification.domain.recipients import CALLED, Channel, Recipient, RecipientKind


class UpdatePreferences:
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
        self, caller: Principal, wanted: Sequence[WantedChannel], mutes: Sequence[str], command: Command
    ) -> Recipient:
        """Raises InvalidArgument naming the field, FailedPrecondition for mails without a mail server."""
        now, muted = self._clock.now(), check_mutes(mutes)
        undecided = Recipient(caller.team, caller.user_id, RecipientKind.USER)
        if not self._mailing and any(each.channel is Channel.EMAIL and each.enabled for each in wanted):
            raise mail_not_configured()
        # Asks the network, so before the transaction.
        await self._check_targets(
            wanted, await self._reads.recipient(caller.team, caller.user_id, undecided.kind) or undecided
        )
        async with self._transactions(command) as tx:
            await tx.recipients.add_members([Member(caller.team, caller.user_id, now)])
            present = await tx.recipients.lock(caller.team, caller.user_id) or undecided
            chosen = replace(
                present, channels=choose_channels(wanted, present, caller.email), muted=muted, updated_at=now
            )
            await tx.recipients.save(chosen)
            await tx.complete(chosen)
        return chosen

    async def _check_targets(self, wanted: Sequence[WantedChannel], present: Recipient) -> None:
        """One that stays as it was is not asked about again: its host may be away for a while."""
        for index, each in enumerate(wanted):
            if each.channel not in CALLED or is_reference(each.target):
                continue
            if not reuses_target(each, present.channel(each.channel)):
                await self._sender.check(each.target, f"channels[{index}].target")
