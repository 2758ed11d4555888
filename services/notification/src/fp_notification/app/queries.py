"""Reads of notification."""

from collections.abc import Sequence

from fp_kernel import PageRequest, Principal

from fp_notification.app.ports import Feed, Log, Reads
from fp_notification.app.refusals import no_notification, no_rule, no_webhook, signed_by_secret
from fp_notification.domain.notifications import Attempt, Notification
from fp_notification.domain.recipients import Channel, Recipient, RecipientKind
from fp_notification.domain.signing import Secrets

_MOST_ATTEMPTS = 100


class Queries:
    def __init__(self, reads: Reads, secrets: Secrets) -> None:
        self._reads = reads
        self._secrets = secrets

    async def notifications(self, feed: Feed, page: PageRequest) -> tuple[Sequence[Notification], str, int]:
        """A page, the position after it, and how many are unread in all, counted up to a thousand."""
        found, after = await self._reads.notifications(feed, page)
        return found, after, await self._reads.unread(feed.team, feed.user_id)

    async def notification(self, caller: Principal, notification_id: str) -> tuple[Notification, Sequence[Attempt]]:
        """The caller's own, or a rule's of his team, with its newest attempts. Raises NotFound."""
        found = await self._reads.notification(caller.team, notification_id)
        if found is None or (found.kind is RecipientKind.USER and found.recipient != caller.user_id):
            raise no_notification()
        log = Log(caller.team, caller.user_id, notification_id=notification_id)
        attempts, _ = await self._reads.attempts(log, PageRequest(_MOST_ATTEMPTS))
        return found, attempts

    async def attempts(self, log: Log, page: PageRequest) -> tuple[Sequence[Attempt], str]:
        return await self._reads.attempts(log, page)

    async def preferences(self, caller: Principal) -> Recipient:
        """Of a person who chose nothing, the default ones."""
        found = await self._reads.recipient(caller.team, caller.user_id, RecipientKind.USER)
        return found or Recipient(caller.team, caller.user_id, RecipientKind.USER)

    async def rules(self, team: str, page: PageRequest) -> tuple[Sequence[Recipient], str]:
        return await self._reads.rules(team, page)

    async def secret(self, caller: Principal, rule_id: str) -> str:
        """What verifies the messages of a webhook. Raises NotFound for a rule, FailedPrecondition without a webhook and
        for one that a secret of the team signs.
        """
        if rule_id:
            recipient = await self._reads.recipient(caller.team, rule_id, RecipientKind.RULE)
            if recipient is None:
                raise no_rule()
        else:
            recipient = await self.preferences(caller)
        setting = recipient.channel(Channel.WEBHOOK)
        if setting is None or not setting.secret_id:
            raise no_webhook()
        if setting.secrets.signing:
            raise signed_by_secret(setting.secrets.signing)
        return self._secrets.secret(setting.secret_id)
