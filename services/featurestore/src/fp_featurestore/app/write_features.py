"""Append rows to a view's log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import Aborted, Command, PermissionDenied, Principal

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import LogPart, Transactions, ViewRef
from fp_featurestore.app.refusals import no_view
from fp_featurestore.app.update_online import UpdateOnline
from fp_featurestore.domain.events import WrittenFeatures
from fp_featurestore.domain.log import FeaturesWritten, evolve
from fp_featurestore.domain.plan import plan_of
from fp_featurestore.domain.rows import NewRow, Row, Rows, pack, timed
from fp_featurestore.domain.view import View

BACKFILL = "features:admin"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Written:
    count: int
    version: int


class _SchemaMoved(Exception):
    """The view was defined anew after the rows were packed."""


class WriteFeatures:
    def __init__(self, transactions: Transactions, catalog: Catalog, update_online: UpdateOnline) -> None:
        self._transactions = transactions
        self._catalog = catalog
        self._update_online = update_online

    async def __call__(self, view_id: str, rows: Sequence[NewRow], caller: Principal, command: Command) -> Written:
        """All rows under one version, or none.

        Raises InvalidArgument naming the first bad field, NotFound, PermissionDenied when somebody else than an
        administrator says since when values were known.
        """
        if any(row.available_at is not None for row in rows) and not caller.may(BACKFILL):
            raise PermissionDenied(f"available_at may be set with {BACKFILL} only", reason="BACKFILL_NEEDS_ADMIN")
        for attempt in range(_ATTEMPTS):
            view = await self._catalog.view(caller.team, ViewRef(id=view_id), fresh=attempt > 0)
            # Packed outside the transaction, so that the view's lock is not held meanwhile.
            packed = await asyncio.to_thread(pack, plan_of(view.features), rows)
            try:
                return await self._append(view, rows, packed, caller, command)
            except _SchemaMoved:
                continue
        raise Aborted("the view is being defined anew", retry_after=0.1)

    async def _append(
        self, packed_for: View, rows: Sequence[NewRow], packed: Sequence[bytes], caller: Principal, command: Command
    ) -> Written:
        async with self._transactions(command) as tx:
            log = await tx.log.lock(packed_for.id)
            before = log.view
            if before is None or before.deleted:
                self._catalog.forget(packed_for)
                raise no_view()
            if before.schemas != packed_for.schemas:
                raise _SchemaMoved
            event = FeaturesWritten(before.id, before.version + 1, before.team, log.now, caller.user_id, len(rows))
            view, complete = evolve(before, event), timed(rows, packed, log.now)
            await tx.log.write(view, event, complete)
            tx.outbox.add(WrittenFeatures(view, complete.entity_ids, caller.user_id, log.now))
            written = Written(len(rows), view.version)
            await tx.complete(written)
        await self._update_online(view, LogPart(view.version, view.version, _stored_rows(view, complete)))
        return written


def _stored_rows(view: View, rows: Rows) -> list[Row]:
    columns = zip(rows.entity_ids, rows.event_times, rows.available_ats, rows.packed, strict=True)
    return [
        Row(entity_id, event_time, available_at, view.version, ordinal, view.schema_version, packed)
        for ordinal, (entity_id, event_time, available_at, packed) in enumerate(columns, 1)
    ]
