"""The audit log in Postgres."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from secrets import token_bytes
from typing import Any, Final

from fp_postgres import Connection, Database, Transaction

from fp_auth.adapters.postgres.statements import affected
from fp_auth.app.audit_ports import Wanted
from fp_auth.domain.audit import Entry, Head, Record

_KEY_BYTES: Final = 32
_BITE: Final = 250  # entries that are checked at once, while the loop waits
_COLUMNS: Final = """
    day, number, id, occurred_at, recorded_at, team, service, method, actor_id, actor_role, api_key_id, status,
    resource_id, address, suppressed, correlation_id, mac
"""
# Behind the one equality that has an index of its own; an empty text asks for any.
_REST: Final = """
    AND ($1 = '' OR team = $1) AND ($2 = '' OR actor_id = $2) AND ($3 = '' OR method = $3)
    AND ($4 = '' OR resource_id = $4)
    AND day <= $5 AND (day, number) < ($5, $6) AND day >= $7 AND recorded_at >= $8 AND recorded_at < $9
ORDER BY day DESC, number DESC LIMIT $10
"""
_OF_RESOURCE: Final = f"SELECT {_COLUMNS} FROM audit_entries WHERE resource_id = $4 {_REST}"  # noqa: S608 -- of constants
_OF_ACTOR: Final = f"SELECT {_COLUMNS} FROM audit_entries WHERE actor_id = $2 {_REST}"  # noqa: S608 -- of constants
_OF_METHOD: Final = f"SELECT {_COLUMNS} FROM audit_entries WHERE team = $1 AND method = $3 {_REST}"  # noqa: S608 -- of constants
_OF_TEAM: Final = f"SELECT {_COLUMNS} FROM audit_entries WHERE team = $1 {_REST}"  # noqa: S608 -- of constants
_OF_ALL: Final = f"SELECT {_COLUMNS} FROM audit_entries WHERE number > 0 {_REST}"  # noqa: S608 -- of constants
_DAY: Final = f"""
SELECT {_COLUMNS} FROM audit_entries WHERE day = $1 AND number > $2 ORDER BY number LIMIT $3
"""  # noqa: S608 -- of constants
_DAY_OF_TEAM: Final = f"""
SELECT {_COLUMNS} FROM audit_entries WHERE team = $4 AND day = $1 AND number > $2 ORDER BY number LIMIT $3
"""  # noqa: S608 -- of constants
_LAST_NUMBER: Final = 2**63 - 1
_FIRST_TIME: Final = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
_LAST_TIME: Final = datetime.fromisoformat("9999-12-31T00:00:00+00:00")


class PostgresAuditWriter:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def fresh(self, consumer: str, event_ids: Sequence[str]) -> set[str]:
        return await self._transaction.inbox.fresh(consumer, event_ids)

    async def head(self, day: date, seed: bytes) -> Head:
        # A row lock would not do: the newest row may be another one by the time it is free.
        await self._transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended('fp_auth:audit', 0))")
        row = await self._transaction.fetchrow(
            "SELECT day, seed, head, entries FROM audit_days ORDER BY day DESC LIMIT 1"
        )
        if row is None:
            return Head(day, seed, seed)
        return _head(row)

    async def address_keys(self, persons: Sequence[str], now: datetime) -> Mapping[str, bytes]:
        await self._transaction.execute(
            """
            INSERT INTO audit_address_keys (person, key, created_at)
            SELECT person, key, $3 FROM unnest($1::text[], $2::bytea[]) AS made (person, key) ORDER BY person
            ON CONFLICT DO NOTHING
            """,
            persons,
            [token_bytes(_KEY_BYTES) for _ in persons],
            now,
        )
        rows = await self._transaction.fetch(
            "SELECT person, key FROM audit_address_keys WHERE person = ANY ($1)", persons
        )
        return {row["person"]: row["key"] for row in rows}

    async def append(self, entries: Sequence[Entry], head: Head) -> None:
        await self._transaction.executemany(
            """
            INSERT INTO audit_entries
                (day, number, id, occurred_at, recorded_at, team, service, method, actor_id, actor_role, api_key_id,
                 status, resource_id, address, suppressed, correlation_id, mac)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            """,
            [_columns(entry) for entry in entries],
        )
        await self._transaction.execute(
            """
            INSERT INTO audit_days (day, seed, head, entries) VALUES ($1, $2, $3, $4)
            ON CONFLICT (day) DO UPDATE SET head = $3, entries = $4
            """,
            head.day,
            head.seed,
            head.mac,
            head.number,
        )


class PostgresAuditTransactions:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[PostgresAuditWriter]:
        async with self._database.transaction() as transaction:
            yield PostgresAuditWriter(transaction)


class PostgresAuditReads:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def newest(self) -> Head | None:
        row = await self._connection.fetchrow(
            "SELECT day, seed, head, entries FROM audit_days ORDER BY day DESC LIMIT 1"
        )
        return None if row is None else _head(row)

    async def heads(self, first: date, last: date) -> list[Head]:
        rows = await self._connection.fetch(
            "SELECT day, seed, head, entries FROM audit_days WHERE day BETWEEN $1 AND $2 ORDER BY day", first, last
        )
        return [_head(row) for row in rows]

    async def head_before(self, day: date) -> Head | None:
        row = await self._connection.fetchrow(
            "SELECT day, seed, head, entries FROM audit_days WHERE day < $1 ORDER BY day DESC LIMIT 1", day
        )
        return None if row is None else _head(row)

    async def first_stored(self) -> date | None:
        day: date | None = await self._connection.fetchval("SELECT day FROM audit_entries ORDER BY day, number LIMIT 1")
        return day

    async def entries(self, day: date, team: str) -> AsyncIterator[Sequence[Entry]]:
        number = 0
        while True:
            if team:
                rows = await self._connection.fetch(_DAY_OF_TEAM, day, number, _BITE, team)
            else:
                rows = await self._connection.fetch(_DAY, day, number, _BITE)
            if not rows:
                return
            yield [_entry(row) for row in rows]
            number = rows[-1]["number"]

    async def page(self, wanted: Wanted, before: tuple[date, int] | None, limit: int) -> list[Entry]:
        first, last = wanted.recorded_from or _FIRST_TIME, wanted.recorded_to or _LAST_TIME
        day, number = before or (last.date(), _LAST_NUMBER)
        rows = await self._connection.fetch(
            _statement(wanted),
            wanted.team,
            wanted.actor_id,
            wanted.method,
            wanted.resource_id,
            day,
            number,
            first.date(),
            first,
            last,
            limit,
        )
        return [_entry(row) for row in rows]

    async def erase(self, person: str) -> bool:
        status = await self._connection.execute("DELETE FROM audit_address_keys WHERE person = $1", person)
        return affected(status) == 1

    async def forget_nobodys_keys(self, before: datetime, limit: int) -> int:
        """Keys of callers who were nobody, made before then; how many there were."""
        return affected(
            await self._connection.execute(
                """
                DELETE FROM audit_address_keys WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM audit_address_keys WHERE person LIKE 'nobody:%' AND created_at < $1
                    ORDER BY created_at LIMIT $2))
                """,
                before,
                limit,
            )
        )


def _statement(wanted: Wanted) -> str:
    """That of the equality which leaves the fewest entries."""
    if wanted.resource_id:
        return _OF_RESOURCE
    if wanted.actor_id:
        return _OF_ACTOR
    if wanted.team and wanted.method:
        return _OF_METHOD
    return _OF_TEAM if wanted.team else _OF_ALL


def _head(row: Any) -> Head:
    return Head(row["day"], row["seed"], row["head"], row["entries"])


def _entry(row: Any) -> Entry:
    names = ("occurred_at", "team", "service", "method", "actor_id", "actor_role", "api_key_id", "status")
    more = ("resource_id", "address", "suppressed", "correlation_id")
    record = Record(id=str(row["id"]), **{name: row[name] for name in (*names, *more)})
    return Entry(row["day"], row["number"], row["recorded_at"], record, row["mac"])


def _columns(entry: Entry) -> tuple[Any, ...]:
    record = entry.record
    return (
        entry.day,
        entry.number,
        record.id,
        record.occurred_at,
        entry.recorded_at,
        record.team,
        record.service,
        record.method,
        record.actor_id,
        record.actor_role,
        record.api_key_id,
        record.status,
        record.resource_id,
        record.address,
        record.suppressed,
        record.correlation_id,
        entry.mac,
    )
