"""Reads in Postgres."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from fp_kernel import PageRequest
from fp_postgres import Database

from fp_notification.adapters.postgres.rows import (
    ATTEMPT,
    NOTIFICATION,
    RECIPIENT,
    to_attempt,
    to_notification,
    to_recipients,
)
from fp_notification.app.ports import Feed, Log
from fp_notification.domain.notifications import LAST_ID, Attempt, Notification
from fp_notification.domain.patterns import as_regex
from fp_notification.domain.recipients import Recipient, RecipientKind

Item = TypeVar("Item", Recipient, Notification, Attempt)

_JOINED = "LEFT JOIN channels c ON c.team = r.team AND c.recipient = r.id"
_AUDIENCE = f"""
SELECT {RECIPIENT} FROM recipients r {_JOINED} WHERE r.team = ANY ($1) AND r.ended_at IS NULL ORDER BY r.team, r.id
"""  # noqa: S608 -- constants
_RECIPIENT = f"""
SELECT {RECIPIENT} FROM recipients r {_JOINED} WHERE r.team = $1 AND r.id = $2 AND r.kind = $3 ORDER BY c.channel
"""  # noqa: S608 -- constants
_RULES = f"""
SELECT {RECIPIENT}
FROM (SELECT * FROM recipients WHERE team = $1 AND kind = 'RULE' AND id < $2 ORDER BY id DESC LIMIT $3) r {_JOINED}
ORDER BY r.id DESC, c.channel
"""  # noqa: S608 -- constants
_FEED = f"""
SELECT {NOTIFICATION} FROM notifications n
WHERE n.team = $1 AND n.recipient = $2 AND n.in_app AND n.id < $3 AND (NOT $4 OR n.read_at IS NULL)
      AND n.severity >= $5 AND ($6 = '' OR n.event_type ~ $6)
ORDER BY n.id DESC LIMIT $7
"""  # noqa: S608 -- a constant
UNREAD = """
SELECT count(*) FROM (
    SELECT 1 FROM notifications WHERE team = $1 AND recipient = $2 AND in_app AND read_at IS NULL LIMIT 1000
) AS counted
"""
# Each half has its index: the one without would read the attempts to all the others of the team.
_HALF = f"""
(SELECT {ATTEMPT} FROM attempts
 WHERE team = $1 AND {{whose}} AND id < $3 AND ($4 = '' OR channel = $4) AND ($5 = '' OR status = $5)
 ORDER BY attempts.id DESC LIMIT $6)
"""  # noqa: S608 -- a constant
_LOG = f"""
{_HALF.format(whose="kind = 'USER' AND recipient = $2")} UNION ALL {_HALF.format(whose="kind = 'RULE'")}
ORDER BY id DESC LIMIT $6
"""
_LOG_OF_ONE = f"""
SELECT {ATTEMPT} FROM attempts
WHERE notification_id = $7 AND team = $1 AND (recipient = $2 OR kind = 'RULE') AND id < $3
      AND ($4 = '' OR channel = $4) AND ($5 = '' OR status = $5)
ORDER BY id DESC LIMIT $6
"""  # noqa: S608 -- a constant


class PostgresReads:
    """`app.ports.Reads` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def audience(self, teams: Collection[str]) -> Mapping[str, Sequence[Recipient]]:
        found: defaultdict[str, list[Recipient]] = defaultdict(list)
        for recipient in to_recipients(await self._database.fetch(_AUDIENCE, list(teams))):
            found[recipient.team].append(recipient)
        return found

    async def recipient(self, team: str, recipient: str, kind: RecipientKind) -> Recipient | None:
        found = to_recipients(await self._database.fetch(_RECIPIENT, team, recipient, kind))
        return found[0] if found else None

    async def rules(self, team: str, page: PageRequest) -> tuple[Sequence[Recipient], str]:
        rules = to_recipients(await self._database.fetch(_RULES, team, _after(page), page.size + 1))
        return _cut(rules, page.size)

    async def notifications(self, feed: Feed, page: PageRequest) -> tuple[Sequence[Notification], str]:
        rows = await self._database.fetch(
            _FEED,
            feed.team,
            feed.user_id,
            _after(page),
            feed.unread_only,
            feed.min_severity,
            as_regex(feed.event_type) if feed.event_type else "",
            page.size + 1,
        )
        return _cut([to_notification(row) for row in rows], page.size)

    async def unread(self, team: str, user_id: str) -> int:
        return int(await self._database.fetchval(UNREAD, team, user_id))

    async def notification(self, team: str, notification_id: str) -> Notification | None:
        row = await self._database.fetchrow(
            f"SELECT {NOTIFICATION} FROM notifications n WHERE n.id = $1 AND n.team = $2",  # noqa: S608 -- a constant
            notification_id,
            team,
        )
        return to_notification(row) if row else None

    async def attempts(self, log: Log, page: PageRequest) -> tuple[Sequence[Attempt], str]:
        arguments = (log.team, log.user_id, _after(page), log.channel or "", log.status or "", page.size + 1)
        if log.notification_id:
            rows = await self._database.fetch(_LOG_OF_ONE, *arguments, log.notification_id)
        else:
            rows = await self._database.fetch(_LOG, *arguments)
        return _cut([to_attempt(row) for row in rows], page.size)


def _after(page: PageRequest) -> str:
    return page.after[0] if page.after else LAST_ID


def _cut(items: list[Item], size: int) -> tuple[Sequence[Item], str]:
    """The page, and the position after it when there is more."""
    shown = items[:size]
    return shown, shown[-1].id if len(items) > size else ""
