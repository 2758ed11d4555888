"""Publish again what was published, for a bus that has lost it."""

from datetime import datetime
from typing import Final

from fp_postgres.database import Database

_BITE: Final = 5_000  # rows a transaction: a day of events is more than one statement has time for

_AGAIN: Final = """
with bite as (
    select position, created_at, published_at, subject from fp_outbox
    where position > $1 order by position limit $2
), again as (
    update fp_outbox set published_at = null, held = null, copies = copies + 1 from bite
    where fp_outbox.position = bite.position and bite.published_at is not null and bite.created_at >= $3
        and (bite.subject = $4 or starts_with(bite.subject, $5))
    returning 1
)
select (select max(position) from bite) as last, (select count(*) from again) as number
"""


async def republish(database: Database, *, since: datetime, subject: str = "fp.>") -> int:
    """Hand events that the outbox still has (24 hours) to the relay once more; how many.

    They keep their ids, so that consumers who have them already do nothing.
    since: time of the change, with its zone. subject: one subject, or one with `.>` behind it.
    """
    prefix = subject.removesuffix(">") if subject.endswith(".>") else None
    position, number = 0, 0
    while row := await database.fetchrow(_AGAIN, position, _BITE, since, subject, prefix):
        if row["last"] is None:
            break
        position, number = row["last"], number + row["number"]
        database.wakeup.signal()
    return number


async def republish_from(url: str, *, since: datetime, subject: str) -> int:
    """How many events are handed to the relay again; 0 where there is no outbox. Raises Unavailable."""
    database = await Database.connect(url, source="operator", max_size=1)
    try:
        if await database.fetchval("select to_regclass('fp_outbox')") is None:
            return 0
        return await republish(database, since=since, subject=subject)
    finally:
        await database.close()
