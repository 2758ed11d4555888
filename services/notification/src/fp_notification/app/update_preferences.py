"""Replace what a person wants to be told, and where."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fp_kernel import Clock, Command, Principal

from fp_notification.app.ports import Member, Sender, Transactions
from fp_notification.domain.preferences import WantedChannel, check_mutes, choose_channels
from fp_notification.domain.recipients import Channel, Recipient, RecipientKind


@dataclass(frozen=True, slots=True)
class UpdatePreferences:
    transactions: Transactions
    sender: Sender
    clock: Clock

    async def __call__(
        self, caller: Principal, wanted: Sequence[WantedChannel], mutes: Sequence[str], command: Command
    ) -> Recipient:
        """Raises InvalidArgument naming the field."""
        now, muted = self.clock.now(), check_mutes(mutes)
        nobody = Recipient(caller.team, caller.user_id, RecipientKind.USER)
        # Asks the network, so before the transaction; a target that is shown masked was asked about when it came.
        await self._check_targets(wanted)
        async with self.transactions(command) as tx:
            await tx.add_members([Member(caller.team, caller.user_id, now)])
            present = await tx.hold(caller.team, caller.user_id) or nobody
            chosen = replace(present, channels=choose_channels(wanted, present), muted=muted, updated_at=now)
            await tx.save(chosen)
            await tx.complete(chosen)
        return chosen

    async def _check_targets(self, wanted: Sequence[WantedChannel]) -> None:
        for index, each in enumerate(wanted):
            if each.channel is Channel.WEBHOOK and each.target and not each.target.endswith("/..."):
                await self.sender.check(each.target, f"channels[{index}].target")
