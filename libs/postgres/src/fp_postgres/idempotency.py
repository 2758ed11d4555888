"""Commands that may be sent twice and happen once."""

from typing import Any, Final

from fp_kernel import Command, Replayed, invalid

_CLAIM: Final = """
insert into fp_commands as stored (team, rpc, key, fingerprint) values ($1, $2, $3, $4)
on conflict (team, rpc, key) do update
    set fingerprint = excluded.fingerprint, response = null, created_at = now()
    where stored.created_at < now() - interval '24 hours'
returning true
"""
_STORED: Final = "select fingerprint, response from fp_commands where team = $1 and rpc = $2 and key = $3"
_COMPLETE: Final = "update fp_commands set response = $4 where team = $1 and rpc = $2 and key = $3"


async def claim(connection: Any, command: Command) -> None:
    """Take the key for this transaction; a concurrent twin waits here until the first has ended.

    Raises Replayed with the first answer, InvalidArgument when the key was used with another body.
    """
    name = (command.team, command.rpc, command.key)
    if await connection.fetchval(_CLAIM, *name, command.fingerprint):
        return
    stored = await connection.fetchrow(_STORED, *name)
    refuse_other(command, bytes(stored["fingerprint"]))
    raise Replayed(bytes(stored["response"]))


async def complete(connection: Any, command: Command, response: bytes) -> None:
    await connection.execute(_COMPLETE, command.team, command.rpc, command.key, response)


def refuse_other(command: Command, fingerprint: bytes) -> None:
    """Raises InvalidArgument when the key was used with another body."""
    if fingerprint != command.fingerprint:
        raise invalid("idempotency_key", "was used with another request before")


def check_complete(command: Command | None, *, completed: bool) -> None:
    """Raises RuntimeError, which rolls back, for a command whose repetition would find no answer."""
    if command is not None and not completed:
        raise RuntimeError(f"{command.rpc}: the command was not completed, a repetition would find no answer")
