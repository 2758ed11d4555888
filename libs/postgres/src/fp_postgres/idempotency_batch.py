"""Many commands of one transaction that may be sent twice and happen once; for one there is `idempotency`."""

from collections.abc import Mapping, Sequence
from typing import Any

from fp_kernel import Command, Error, Replayed, invalid

_CLAIM = """
INSERT INTO fp_commands AS stored (team, rpc, key, fingerprint)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS given (team, rpc, key, fingerprint)
ORDER BY team, rpc, key
ON CONFLICT (team, rpc, key) DO UPDATE SET fingerprint = excluded.fingerprint, response = NULL, created_at = now()
    WHERE stored.created_at < now() - interval '24 hours'
RETURNING team, rpc, key
"""
_STORED = """
SELECT team, rpc, key, fingerprint, response FROM fp_commands
WHERE (team, rpc, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""
_COMPLETE = """
UPDATE fp_commands AS stored SET response = given.response
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS given (team, rpc, key, response)
WHERE stored.team = given.team AND stored.rpc = given.rpc AND stored.key = given.key
"""
_RELEASE = """
DELETE FROM fp_commands WHERE (team, rpc, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""

Name = tuple[str, str, str]


def name_of(command: Command) -> Name:
    return command.team, command.rpc, command.key


async def claim(connection: Any, commands: Mapping[Name, Command]) -> Mapping[Name, Error | Replayed]:
    """Take the keys for this transaction; those that were taken before, and what they are answered."""
    if not commands:
        return {}
    names = _columns(commands)
    rows = await connection.fetch(_CLAIM, *names, [command.fingerprint for command in commands.values()])
    taken = commands.keys() - {tuple(row) for row in rows}
    if not taken:
        return {}
    stored = await connection.fetch(_STORED, *_columns(sorted(taken)))
    return {(row["team"], row["rpc"], row["key"]): _answer(commands, row) for row in stored}


async def complete(connection: Any, responses: Mapping[Name, bytes]) -> None:
    if responses:
        await connection.execute(_COMPLETE, *_columns(responses), list(responses.values()))


async def release(connection: Any, names: Sequence[Name]) -> None:
    """Of commands that failed: they may be tried again."""
    if names:
        await connection.execute(_RELEASE, *_columns(names))


def same_answer(command: Command, first: Command, outcome: int | Error | Replayed) -> int | Error | Replayed:
    """For a twin in the same batch."""
    if command.fingerprint != first.fingerprint:
        return _reused()
    return Replayed(first.encode(outcome)) if isinstance(outcome, int) else outcome


def _answer(commands: Mapping[Name, Command], row: Any) -> Error | Replayed:
    command = commands[row["team"], row["rpc"], row["key"]]
    if bytes(row["fingerprint"]) != command.fingerprint:
        return _reused()
    return Replayed(bytes(row["response"]))


def _reused() -> Error:
    return invalid("idempotency_key", "was used with another request before")


def _columns(names: Any) -> list[list[str]]:
    return [list(column) for column in zip(*names, strict=True)]
