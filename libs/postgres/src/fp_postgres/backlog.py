"""The number of events that wait for the bus."""

from typing import Final

from fp_postgres.database import Database

# Read by the index of what is not published, and no further than the limit.
_WAITING: Final = """
select count(*) from (
    select from fp_outbox where published_at is null and subject = $1 order by position limit $2
) as waiting
"""


async def unpublished(database: Database, subject: str, limit: int) -> int:
    """How many events of this subject the bus has not taken yet, counted up to `limit`: for a producer that holds back
    what can wait, so that the outbox keeps room for what cannot.
    """
    return int(await database.fetchval(_WAITING, subject, limit))
