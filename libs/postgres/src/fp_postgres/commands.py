"""Commands that are sent twice and happen once."""

from typing import TYPE_CHECKING, Final

from fp_kernel import Command, Replayed, invalid

if TYPE_CHECKING:
    from asyncpg import Connection, Record

# A row older than a day is taken over as if it were not there; pruning may be late.
_CLAIM: Final = """
    insert into commands as known (team, rpc, key, fingerprint) values ($1, $2, $3, $4)
    on conflict (team, rpc, key) do update
       set fingerprint = excluded.fingerprint, response = null, created_at = now()
     where known.created_at < now() - interval '24 hours'
    returning true
"""
_KNOWN: Final = "select fingerprint, response from commands where team = $1 and rpc = $2 and key = $3"
_COMPLETE: Final = "update commands set response = $4 where team = $1 and rpc = $2 and key = $3"


def replay(command: Command, fingerprint: bytes, response: bytes | None) -> Exception:
    """What a repetition of a known command raises."""
    if fingerprint != command.fingerprint:
        return invalid("idempotency_key", "was used before with another request")
    if response is None:
        return RuntimeError(f"{command.rpc} was committed without its answer")
    return Replayed(response)


def incomplete(command: Command) -> RuntimeError:
    return RuntimeError(f"{command.rpc} ended its transaction without complete(); a repetition would find no answer")


class CommandLog:
    """The command of one transaction."""

    def __init__(self, connection: "Connection[Record]", command: Command | None) -> None:
        self._connection = connection
        self._command = command if command is not None and command.key else None
        self._completed = False

    async def claim(self) -> None:
        """A concurrent twin waits here, at the primary key, until the first has committed or failed."""
        command = self._command
        if command is None:
            return
        identity = (command.team, command.rpc, command.key)
        if await self._connection.fetchval(_CLAIM, *identity, command.fingerprint):
            return
        known = await self._connection.fetchrow(_KNOWN, *identity)
        if known is None:
            # It was pruned between the two statements: as good as new, and the next attempt will find it so.
            raise invalid("idempotency_key", "is just expiring; send the request again")
        raise replay(command, known["fingerprint"], known["response"])

    async def complete(self, command: Command, result: object) -> None:
        if not command.key:
            return
        identity = (command.team, command.rpc, command.key)
        await self._connection.execute(_COMPLETE, *identity, command.encode(result))
        self._completed = True

    def check_complete(self) -> None:
        """Raises RuntimeError, which rolls the transaction back."""
        if self._command is not None and not self._completed:
            raise incomplete(self._command)
