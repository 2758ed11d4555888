"""A user says which predictions of a model are logged, and which are erased."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fp_kernel import Aborted, Clock, Command, ResourceExhausted, invalid
from fp_kernel.revisions import NOTHING, check_revision, first_revision

from fp_monitor.app.log_ports import LeftFiles, LogReads, LogTransactions
from fp_monitor.app.ports import Peers
from fp_monitor.app.refusals import no_log, no_model
from fp_monitor.domain.entities import ErasedEntity
from fp_monitor.domain.log import DEFAULT_DAYS, MAX_ERASED, Policy, check_policy
from fp_monitor.domain.prediction import MAX_REQUEST_ID

_SOON = 1.0
# Each prediction that is written and read is compared with all of them.
MOST_ENTITIES = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """days: 0 for the default."""

    model_name: str
    sample_bps: int
    masked: tuple[str, ...]
    days: int


class SetLog:
    def __init__(
        self, transactions: LogTransactions, reads: LogReads, left: LeftFiles, peers: Peers, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._reads = reads
        self._left = left
        self._peers = peers
        self._clock = clock

    async def __call__(
        self, team: str, wanted: Wanted, command: Command, *, by: str, expected: int | None = None
    ) -> Policy:
        """Raises InvalidArgument naming the field, NotFound when the team has no such model, Aborted when the policy
        has another revision than the expected one.
        """
        days = wanted.days or DEFAULT_DAYS
        check_policy(wanted.sample_bps, wanted.masked, days)
        name = wanted.model_name
        now = self._clock.now()
        if await self._reads.policy(team, name) is None:
            if not await self._peers.has_model(name):
                raise no_model(name)
            while await self._left.remove(team, name, now):
                pass
        async with self._transactions(command) as tx:
            found = await tx.policies.lock(team, name)
            check_revision(
                expected,
                NOTHING if found is None else found.revision,
                changed_by="" if found is None else found.changed_by,
            )
            masked = tuple(sorted(set(wanted.masked)))
            if found is None and await tx.deletions.under_way(team, name):
                raise Aborted("the log was deleted at this moment", retry_after=_SOON)
            if found is None:
                made = Policy(team, name, wanted.sample_bps, masked, days, now, now, first_revision(now), by)
            else:
                made = replace(
                    found,
                    sample_bps=wanted.sample_bps,
                    masked=masked,
                    days=days,
                    updated_at=now,
                    revision=found.revision + 1,
                    changed_by=by,
                )
            await tx.policies.save(made)
            await tx.complete(made)
        return made


class DeleteLog:
    """From the commit on nothing of it is read or written. Its files go in bites behind that: very many at once would
    take longer than the call may. What is left when this process dies goes in the background.
    """

    def __init__(self, transactions: LogTransactions, left: LeftFiles, clock: Clock) -> None:
        self._transactions = transactions
        self._left = left
        self._clock = clock

    async def __call__(self, team: str, model_name: str, command: Command, *, expected: int | None = None) -> None:
        """A model without a log is as it was asked for. Raises Aborted when the policy has another revision than the
        expected one.
        """
        now = self._clock.now()
        async with self._transactions(command) as tx:
            found = await tx.policies.lock(team, model_name)
            check_revision(
                expected,
                NOTHING if found is None else found.revision,
                changed_by="" if found is None else found.changed_by,
            )
            if found is not None:
                await tx.policies.delete(team, model_name)
                await tx.deletions.begin(team, model_name, now)
            await tx.complete(None)
        while await self._left.remove(team, model_name, now):
            pass


class EraseLogged:
    def __init__(self, transactions: LogTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def entity(self, team: str, model_name: str, entity: ErasedEntity, command: Command) -> None:
        """All predictions about somebody. Raises NotFound when the model has no log, ResourceExhausted when very many
        were erased lately.
        """
        async with self._transactions(command) as tx:
            if await tx.policies.lock(team, model_name) is None:
                raise no_log(model_name)
            if await tx.entities.count(team, model_name) >= MOST_ENTITIES:
                raise ResourceExhausted(
                    f"{MOST_ENTITIES} erasures by entity of {model_name} are remembered, each for three days",
                    reason="TOO_MANY_ERASURES",
                )
            await tx.entities.add(team, model_name, entity, self._clock.now())
            await tx.complete(None)

    async def __call__(self, team: str, model_name: str, request_ids: Sequence[str], command: Command) -> None:
        """Raises InvalidArgument naming an id, NotFound when the model has no log."""
        if not 1 <= len(request_ids) <= MAX_ERASED:
            raise invalid("request_ids", f"must be 1 to {MAX_ERASED}")
        for place, each in enumerate(request_ids):
            if not 1 <= len(each) <= MAX_REQUEST_ID or "\0" in each:
                raise invalid(f"request_ids[{place}]", f"must be 1 to {MAX_REQUEST_ID} characters")
        async with self._transactions(command) as tx:
            # Held against who writes a file with one of them at this moment.
            if await tx.policies.lock(team, model_name) is None:
                raise no_log(model_name)
            await tx.erasures.add(team, model_name, sorted(set(request_ids)), self._clock.now())
            await tx.complete(None)
