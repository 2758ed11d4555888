"""The prediction log outside of transactions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from fp_kernel import PageRequest
from fp_postgres import Database

from fp_monitor.adapters.postgres.log import FILE, POLICY, file_from, policy_from
from fp_monitor.app.log_ports import Mergeable, Model, Stored
from fp_monitor.domain.id_filter import BLOCK, IdMarks
from fp_monitor.domain.log import Label, LogFile, Policy

_LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"

_HAS_LOG = "EXISTS (SELECT FROM prediction_logs WHERE team = $1 AND model_name = $2)"


def _place(since: datetime | None, until: datetime, after: LogFile | None) -> tuple[object, ...]:
    """As `files` and `having` say it, from $3 on."""
    return (
        since or datetime.min.replace(tzinfo=until.tzinfo),
        after.last_at if after else datetime.max.replace(tzinfo=until.tzinfo),
        after.name if after else _LAST,
        until,
    )


class PostgresLogReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def policy(self, team: str, model_name: str) -> Policy | None:
        row = await self._database.fetchrow(
            f"SELECT {POLICY} FROM prediction_logs WHERE team = $1 AND model_name = $2",  # noqa: S608 -- constants
            team,
            model_name,
        )
        return policy_from(row) if row else None

    async def policies_of(self, models: Sequence[Model]) -> Mapping[Model, Policy]:
        rows = await self._database.fetch(
            f"""
            SELECT {POLICY} FROM prediction_logs
            JOIN unnest($1::text[], $2::text[]) AS given (team, model_name) USING (team, model_name)
            """,  # noqa: S608 -- constants
            [team for team, _ in models],
            [name for _, name in models],
        )
        return {(row["team"], row["model_name"]): policy_from(row) for row in rows}

    async def policies(self, team: str, page: PageRequest) -> Sequence[Policy]:
        rows = await self._database.fetch(
            f"""
            SELECT {POLICY} FROM prediction_logs WHERE team = $1 AND model_name > $2 ORDER BY model_name LIMIT $3
            """,  # noqa: S608 -- constants
            team,
            page.after[0] if page.after else "",
            page.size,
        )
        return [policy_from(row) for row in rows]

    async def logged(self, page: PageRequest) -> Sequence[Policy]:
        return await self._policies(page, 1)

    async def kept(self, page: PageRequest) -> Sequence[Policy]:
        return await self._policies(page, 0)

    async def _policies(self, page: PageRequest, least: int) -> Sequence[Policy]:
        rows = await self._database.fetch(
            f"""
            SELECT {POLICY} FROM prediction_logs WHERE (team, model_name) > ($1, $2) AND sample_bps >= $3
            ORDER BY team, model_name LIMIT $4
            """,  # noqa: S608 -- constants
            *(page.after or ("", "")),
            least,
            page.size,
        )
        return [policy_from(row) for row in rows]

    async def stored(self, team: str, model_name: str) -> Stored:
        row = await self._database.fetchrow(
            """
            SELECT coalesce(sum(predictions), 0)::bigint AS predictions, coalesce(sum(bytes), 0)::bigint AS bytes,
                min(first_at) AS oldest, max(last_at) AS newest
            FROM log_files WHERE team = $1 AND model_name = $2
            """,
            team,
            model_name,
        )
        return (
            Stored(row["predictions"], row["bytes"], row["oldest"], row["newest"]) if row else Stored(0, 0, None, None)
        )

    async def files(
        self, team: str, model_name: str, *, since: datetime | None, until: datetime, after: LogFile | None, limit: int
    ) -> Sequence[LogFile]:
        rows = await self._database.fetch(
            f"""
            SELECT {FILE} FROM log_files
            WHERE team = $1 AND model_name = $2 AND last_at >= $3 AND (last_at, name) < ($4, $5::uuid)
                AND first_at <= $6 AND {_HAS_LOG}
            ORDER BY last_at DESC, log_files.name DESC LIMIT $7
            """,  # noqa: S608 -- constants
            team,
            model_name,
            *_place(since, until, after),
            limit,
        )
        return [file_from(row) for row in rows]

    async def having(
        self,
        team: str,
        model_name: str,
        marks: IdMarks,
        *,
        since: datetime | None,
        until: datetime,
        after: LogFile | None,
        limit: int,
    ) -> Sequence[LogFile]:
        # Of a filter that lies outside of the row, the piece with the block is read and no other one.
        rows = await self._database.fetch(
            f"""
            SELECT {FILE} FROM log_files
            CROSS JOIN LATERAL (
                SELECT substring(ids FROM 1 + {BLOCK} * ($8::bigint * (octet_length(ids) / {BLOCK}) >> 32)::integer
                    FOR {BLOCK}) AS block OFFSET 0
            ) of_id
            WHERE team = $1 AND model_name = $2 AND last_at >= $3 AND (last_at, name) < ($4, $5::uuid)
                AND first_at <= $6 AND {_HAS_LOG}
                AND (ids IS NULL OR NOT EXISTS (
                    SELECT FROM unnest($9::integer[]) AS given (place) WHERE get_bit(block, place) = 0))
            ORDER BY last_at DESC, log_files.name DESC LIMIT $7
            """,  # noqa: S608 -- constants
            team,
            model_name,
            *_place(since, until, after),
            limit,
            marks.place,
            list(marks.bits),
        )
        return [file_from(row) for row in rows]

    async def unchecked(self, team: str, model_name: str, number: int, limit: int) -> Sequence[LogFile]:
        rows = await self._database.fetch(
            f"""
            SELECT {FILE} FROM log_files WHERE team = $1 AND model_name = $2 AND erased_up_to < $3
            ORDER BY last_at DESC, log_files.name DESC LIMIT $4
            """,  # noqa: S608 -- constants
            team,
            model_name,
            number,
            limit,
        )
        return [file_from(row) for row in rows]

    async def mergeable(self, today: date, least: int, limit: int) -> Sequence[Mergeable]:
        rows = await self._database.fetch(
            """
            SELECT day, team, model_name FROM log_files WHERE NOT complete
            GROUP BY day, team, model_name
            HAVING count(*) >= CASE WHEN day < $1 THEN 2 ELSE $2 END
            ORDER BY day, team, model_name LIMIT $3
            """,
            today,
            least,
            limit,
        )
        return [Mergeable(row["team"], row["model_name"], row["day"]) for row in rows]

    async def levels(self, chosen: Mergeable) -> Mapping[int, int]:
        rows = await self._database.fetch(
            """
            SELECT level, count(*) AS files FROM log_files
            WHERE NOT complete AND day = $1 AND team = $2 AND model_name = $3 GROUP BY level
            """,
            chosen.day,
            chosen.team,
            chosen.model_name,
        )
        return {row["level"]: row["files"] for row in rows}

    async def to_merge(self, chosen: Mergeable, level: int | None, limit: int) -> Sequence[LogFile]:
        rows = await self._database.fetch(
            f"""
            SELECT {FILE} FROM log_files
            WHERE NOT complete AND day = $1 AND team = $2 AND model_name = $3 AND ($4::smallint IS NULL OR level = $4)
            ORDER BY level, last_at, log_files.name LIMIT $5
            """,  # noqa: S608 -- constants
            chosen.day,
            chosen.team,
            chosen.model_name,
            level,
            limit,
        )
        return [file_from(row) for row in rows]

    async def labels(self, team: str, model_name: str, request_ids: Sequence[str]) -> Mapping[str, Label]:
        # Id by id: a part of the table is looked at for the ids of its day only.
        rows = await self._database.fetch(
            """
            SELECT p.request_id, p.actual, p.observed_at FROM unnest($3::text[]) AS given (request_id)
            CROSS JOIN LATERAL (
                SELECT * FROM predictions
                WHERE team = $1 AND model_name = $2 AND request_id = given.request_id LIMIT 1
            ) p
            WHERE p.actual IS NOT NULL
            """,
            team,
            model_name,
            list(request_ids),
        )
        return {row["request_id"]: Label(row["actual"], row["observed_at"]) for row in rows}

    async def to_label(self, before: date, limit: int) -> Sequence[LogFile]:
        rows = await self._database.fetch(
            f"""
            SELECT {FILE} FROM log_files WHERE NOT labelled AND day < $1
            ORDER BY day, team, model_name, log_files.name LIMIT $2
            """,  # noqa: S608 -- constants
            before,
            limit,
        )
        return [file_from(row) for row in rows]

    async def erased(self, team: str, model_name: str, request_ids: Sequence[str]) -> set[str]:
        rows = await self._database.fetch(
            """
            SELECT request_id FROM log_erased
            WHERE team = $1 AND model_name = $2 AND request_id = ANY($3::text[])
            """,
            team,
            model_name,
            list(request_ids),
        )
        return {row["request_id"] for row in rows}

    async def to_rewrite(self, limit: int, after: Model) -> tuple[Model, Sequence[str]] | None:
        rows = await self._database.fetch(
            """
            SELECT team, model_name, request_id FROM log_erased
            WHERE NOT rewritten AND (team, model_name) > ($2, $3)
            ORDER BY team, model_name, request_id LIMIT $1
            """,
            limit,
            *after,
        )
        if not rows:
            return None
        model = rows[0]["team"], rows[0]["model_name"]
        return model, [row["request_id"] for row in rows if (row["team"], row["model_name"]) == model]


class PostgresWaste:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, objects: Sequence[str], at: datetime) -> None:
        await self._database.execute(
            "INSERT INTO log_waste (object, since) SELECT object, $2 FROM unnest($1::text[]) AS given (object)",
            list(objects),
            at,
        )

    async def old(self, before: datetime, limit: int) -> Sequence[str]:
        rows = await self._database.fetch(
            "SELECT object FROM log_waste WHERE since < $1 ORDER BY since LIMIT $2", before, limit
        )
        return [row["object"] for row in rows]

    async def gone(self, objects: Sequence[str]) -> None:
        await self._database.execute("DELETE FROM log_waste WHERE object = ANY($1::text[])", list(objects))

    async def forget_erased(self, before: datetime, limit: int) -> int:
        """What was erased so long ago that no event can bring it again; how many there were."""
        status = await self._database.execute(
            """
            DELETE FROM log_erased WHERE ctid = ANY(array(
                SELECT ctid FROM log_erased WHERE rewritten AND erased_at < $1 ORDER BY erased_at LIMIT $2))
            """,
            before,
            limit,
        )
        return int(status.rpartition(" ")[2])
