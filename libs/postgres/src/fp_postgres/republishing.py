"""Publish again what was published, for a bus that has lost it."""

from datetime import datetime
from typing import Final

from fp_postgres.database import Database

_AGAIN: Final = """
update fp_outbox set published_at = null, copies = copies + 1
where published_at is not null and created_at >= $1 and (subject = $2 or starts_with(subject, $3))
"""


async def republish(database: Database, *, since: datetime, subject: str = "fp.>") -> int:
    """Hand events that the outbox still has (24 hours) to the relay once more; how many.

    They keep their ids, so that consumers who have them already do nothing.
    since: time of the change, with its zone. subject: one subject, or one with `.>` behind it.
    """
    prefix = subject.removesuffix(">") if subject.endswith(".>") else None
    status = await database.execute(_AGAIN, since, subject, prefix)
    database.wakeup.heard()
    return int(status.rpartition(" ")[2])
