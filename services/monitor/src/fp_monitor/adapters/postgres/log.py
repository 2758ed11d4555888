"""The prediction log in a transaction: policies, which files count, and what was erased."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time

from asyncpg import Record
from fp_kernel import Command
from fp_postgres import Connection, Database, Transaction

from fp_monitor.adapters.postgres.erased_entities import PostgresErasedEntities
from fp_monitor.app.log_ports import Model
from fp_monitor.domain.log import LogFile, Policy

POLICY = "team, model_name, sample_bps, masked, retention_days, created_at, updated_at, revision, changed_by"
FILE = (
    "team, model_name, day, name::text, level, complete, predictions, bytes, first_at, last_at, labelled, erased_up_to"
)

# Of files that go at once.
BITE = 1_000


def policy_from(row: Record) -> Policy:
    return Policy(
        row["team"],
        row["model_name"],
        row["sample_bps"],
        tuple(row["masked"]),
        row["retention_days"],
        row["created_at"],
        row["updated_at"],
        row["revision"],
        row["changed_by"],
    )


def file_from(row: Record) -> LogFile:
    return LogFile(*row)


class PostgresPolicies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, team: str, model_name: str) -> Policy | None:
        # A row that is not there cannot be locked.
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 12))", team, model_name
        )
        row = await self._connection.fetchrow(
            f"SELECT {POLICY} FROM prediction_logs WHERE team = $1 AND model_name = $2 FOR UPDATE",  # noqa: S608 -- constants
            team,
            model_name,
        )
        return policy_from(row) if row else None

    async def save(self, policy: Policy) -> None:
        await self._connection.execute(
            f"""
            INSERT INTO prediction_logs ({POLICY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (team, model_name) DO UPDATE SET sample_bps = $3, masked = $4, retention_days = $5,
                updated_at = $7, revision = $8, changed_by = $9
            """,  # noqa: S608 -- constants
            policy.team,
            policy.model_name,
            policy.sample_bps,
            list(policy.masked),
            policy.days,
            policy.created_at,
            policy.updated_at,
            policy.revision,
            policy.changed_by,
        )

    async def delete(self, team: str, model_name: str) -> None:
        await self._connection.execute(
            "DELETE FROM prediction_logs WHERE team = $1 AND model_name = $2", team, model_name
        )

    async def same(self, policies: Sequence[Policy]) -> bool:
        rows = await self._connection.fetch(
            """
            SELECT p.revision FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (team, model_name, revision)
            JOIN prediction_logs p USING (team, model_name, revision)
            FOR SHARE OF p
            """,
            [each.team for each in policies],
            [each.model_name for each in policies],
            [each.revision for each in policies],
        )
        return len(rows) == len(policies)

    async def hold(self, team: str, model_name: str) -> bool:
        found = await self._connection.fetchval(
            "SELECT true FROM prediction_logs WHERE team = $1 AND model_name = $2 FOR SHARE", team, model_name
        )
        return bool(found)


class PostgresLogFiles:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, files: Sequence[LogFile]) -> bool:
        status = await self._connection.execute(
            "DELETE FROM log_waste WHERE object = ANY($1::text[])", [each.object for each in files]
        )
        if status != f"DELETE {len(files)}":
            return False
        await self._connection.executemany(
            """
            INSERT INTO log_files
                (team, model_name, day, name, level, complete, predictions, bytes, first_at, last_at, labelled,
                erased_up_to, ids)
            VALUES ($1, $2, $3, $4::uuid, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                (
                    each.team,
                    each.model_name,
                    each.day,
                    each.name,
                    each.level,
                    each.complete,
                    each.predictions,
                    each.bytes,
                    each.first_at,
                    each.last_at,
                    each.labelled,
                    each.erased_up_to,
                    each.ids,
                )
                for each in files
            ],
        )
        return True

    async def replace(self, files: Sequence[LogFile], at: datetime) -> bool:
        status = await self._connection.execute(
            "DELETE FROM log_files WHERE team = $1 AND model_name = $2 AND name = ANY($3::uuid[])",
            files[0].team,
            files[0].model_name,
            [each.name for each in files],
        )
        await wasted(self._connection, files, at)
        return status == f"DELETE {len(files)}"

    async def set_aside(self, file: LogFile) -> bool:
        status = await self._connection.execute(
            """
            UPDATE log_files SET complete = true, labelled = true
            WHERE team = $1 AND model_name = $2 AND last_at = $3 AND name = $4::uuid AND NOT (complete AND labelled)
            """,
            file.team,
            file.model_name,
            file.last_at,
            file.name,
        )
        return status == "UPDATE 1"

    async def erased_up_to(self, file: LogFile, number: int) -> None:
        await self._connection.execute(
            """
            UPDATE log_files SET erased_up_to = greatest(erased_up_to, $5)
            WHERE team = $1 AND model_name = $2 AND last_at = $3 AND name = $4::uuid
            """,
            file.team,
            file.model_name,
            file.last_at,
            file.name,
            number,
        )

    async def remove_before(self, policy: Policy, day: date, at: datetime) -> int:
        # Its answers are of its day, and the index goes by them.
        rows = await self._connection.fetch(
            f"""
            DELETE FROM log_files WHERE ctid = ANY(array(
                SELECT ctid FROM log_files WHERE team = $1 AND model_name = $2 AND last_at < $3
                ORDER BY last_at LIMIT $4))
            RETURNING {FILE}
            """,  # noqa: S608 -- constants
            policy.team,
            policy.model_name,
            datetime.combine(day, time(), UTC),
            BITE,
        )
        await wasted(self._connection, [file_from(row) for row in rows], at)
        return len(rows)


async def wasted(connection: Connection, files: Sequence[LogFile], at: datetime) -> None:
    await connection.execute(
        """
        INSERT INTO log_waste (object, since) SELECT object, $2 FROM unnest($1::text[]) AS given (object)
        ON CONFLICT DO NOTHING
        """,
        [each.object for each in files],
        at,
    )


class PostgresDeletions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, team: str, model_name: str, at: datetime) -> None:
        await self._connection.execute(
            "INSERT INTO log_deletions (team, model_name, deleted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            team,
            model_name,
            at,
        )

    async def under_way(self, team: str, model_name: str) -> bool:
        found = await self._connection.fetchval(
            "SELECT true FROM log_deletions WHERE team = $1 AND model_name = $2", team, model_name
        )
        return bool(found)


class PostgresErasures:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, team: str, model_name: str, request_ids: Sequence[str], at: datetime) -> None:
        await self._connection.execute(
            """
            INSERT INTO log_erased (team, model_name, request_id, erased_at)
            SELECT $1, $2, request_id, $4 FROM unnest($3::text[]) AS given (request_id) ORDER BY request_id
            ON CONFLICT (team, model_name, request_id) DO UPDATE SET rewritten = false, erased_at = $4
            """,
            team,
            model_name,
            list(request_ids),
            at,
        )

    async def among(self, models: Sequence[Model], request_ids: Sequence[str]) -> bool:
        found = await self._connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM unnest($1::text[], $2::text[], $3::text[]) AS given (team, model_name, request_id)
                JOIN log_erased USING (team, model_name, request_id))
            """,
            [team for team, _ in models],
            [name for _, name in models],
            list(request_ids),
        )
        return bool(found)

    async def rewritten(self, team: str, model_name: str, request_ids: Sequence[str]) -> None:
        await self._connection.execute(
            """
            UPDATE log_erased SET rewritten = true
            WHERE team = $1 AND model_name = $2 AND request_id = ANY($3::text[])
            """,
            team,
            model_name,
            list(request_ids),
        )


class PostgresLogTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.policies = PostgresPolicies(transaction)
        self.files = PostgresLogFiles(transaction)
        self.erasures = PostgresErasures(transaction)
        self.deletions = PostgresDeletions(transaction)
        self.entities = PostgresErasedEntities(transaction)

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        return await self._transaction.inbox.fresh(consumer, event_ids)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


class PostgresLogTransactions:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator[PostgresLogTransaction]:
        async with self._database.transaction(command) as transaction:
            yield PostgresLogTransaction(transaction)
