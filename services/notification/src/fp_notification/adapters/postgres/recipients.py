"""People and rules, with their channels."""

import json
from collections.abc import Sequence

from asyncpg import UniqueViolationError
from fp_postgres import Transaction

from fp_notification.adapters.postgres.rows import RECIPIENT, to_recipients
from fp_notification.app.ports import Change, Member
from fp_notification.app.refusals import rule_name_taken
from fp_notification.domain.notifications import Notification
from fp_notification.domain.recipients import EVERYTHING, ChannelSetting, Recipient

_ADD = """
INSERT INTO recipients (team, id, kind, name, patterns, muted, created_by, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
"""
_HELD = f"""
SELECT {RECIPIENT} FROM recipients r LEFT JOIN channels c ON c.team = r.team AND c.recipient = r.id
WHERE r.team = $1 AND r.id = $2 ORDER BY c.channel
"""  # noqa: S608 -- a constant


class PostgresRecipients:
    """`app.ports.Recipients` within a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add_members(self, members: Sequence[Member]) -> None:
        await self._tx.executemany(
            _ADD,
            [
                (each.team, each.user_id, "USER", "", list(EVERYTHING), [], each.user_id, each.joined_at, None)
                for each in members
            ],
        )

    async def mark_member(self, change: Change) -> None:
        await self._tx.execute(
            """
            UPDATE recipients SET ended_at = $3, identity_revision = $4
            WHERE team = $1 AND id = $2 AND kind = 'USER' AND identity_revision < $4
            """,
            change.team,
            change.user_id,
            change.ended_at,
            change.revision,
        )

    async def forget_member(self, team: str, user_id: str) -> None:
        await self._tx.execute("DELETE FROM recipients WHERE team = $1 AND id = $2 AND kind = 'USER'", team, user_id)

    async def lock(self, team: str, recipient: str) -> Recipient | None:
        # An outer join cannot be locked: the recipient's row stands for its channels.
        await self._tx.execute("SELECT 1 FROM recipients WHERE team = $1 AND id = $2 FOR UPDATE", team, recipient)
        found = to_recipients(await self._tx.fetch(_HELD, team, recipient))
        return found[0] if found else None

    async def save(self, recipient: Recipient) -> None:
        try:
            await self._tx.execute(
                """
                UPDATE recipients
                SET patterns = $3, muted = $4, updated_at = $5, name = $6, revision = $7, changed_by = $8
                WHERE team = $1 AND id = $2
                """,
                recipient.team,
                recipient.id,
                list(recipient.patterns),
                list(recipient.muted),
                recipient.updated_at,
                recipient.name,
                recipient.revision,
                recipient.changed_by,
            )
        except UniqueViolationError:
            raise rule_name_taken(recipient.name) from None
        await self._tx.execute("DELETE FROM channels WHERE team = $1 AND recipient = $2", recipient.team, recipient.id)
        await _add_channels(self._tx, recipient)

    async def count_rules(self, team: str) -> int:
        return int(await self._tx.fetchval("SELECT count(*) FROM recipients WHERE team = $1 AND kind = 'RULE'", team))

    async def add_rule(self, rule: Recipient) -> bool:
        status = await self._tx.execute(
            _ADD,
            rule.team,
            rule.id,
            rule.kind,
            rule.name,
            list(rule.patterns),
            list(rule.muted),
            rule.created_by,
            rule.created_at,
            rule.updated_at,
        )
        if status != "INSERT 0 1":
            return False
        await _add_channels(self._tx, rule)
        return True

    async def delete_rule(self, team: str, rule_id: str) -> bool:
        status = await self._tx.execute(
            "DELETE FROM recipients WHERE team = $1 AND id = $2 AND kind = 'RULE'", team, rule_id
        )
        return status == "DELETE 1"

    async def switch_off(self, notification: Notification, setting: ChannelSetting, reason: str) -> None:
        await self._tx.execute(
            """
            UPDATE channels SET enabled = false, disabled_reason = $5
            WHERE team = $1 AND recipient = $2 AND channel = $3 AND target = $4
            """,
            notification.team,
            notification.recipient,
            setting.channel,
            setting.target,
            reason,
        )


async def _add_channels(tx: Transaction, recipient: Recipient) -> None:
    await tx.executemany(
        """
        INSERT INTO channels (team, recipient, channel, enabled, min_severity, target, secret_id, disabled_reason,
                              signing_secret, headers)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        [
            (
                recipient.team,
                recipient.id,
                each.channel,
                each.enabled,
                each.min_severity,
                each.target,
                each.secret_id,
                each.disabled_reason,
                each.secrets.signing,
                json.dumps(dict(each.secrets.headers)),
            )
            for each in recipient.channels
        ],
    )
