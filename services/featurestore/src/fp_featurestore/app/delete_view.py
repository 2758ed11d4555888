"""Delete a feature view; its log stays."""

from fp_kernel import Command, Error, Principal
from fp_kernel.revisions import check_revision
from fp_telemetry import get_logger

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import Online, Transactions
from fp_featurestore.app.refusals import no_view
from fp_featurestore.domain.log import ViewDeleted, evolve
from fp_featurestore.domain.view import View

_log = get_logger(__name__)


class DeleteView:
    def __init__(self, transactions: Transactions, catalog: Catalog, online: Online) -> None:
        self._transactions = transactions
        self._catalog = catalog
        self._online = online

    async def __call__(self, view_id: str, caller: Principal, command: Command, *, expected: int | None = None) -> View:
        """The view as it was deleted; its name is free again. Raises NotFound, also when it was deleted before, Aborted
        when it has another revision than the expected one.
        """
        async with self._transactions(command) as tx:
            log = await tx.log.lock(view_id)
            before = log.view
            if before is None or before.team != caller.team or before.deleted:
                raise no_view()
            if expected is not None:
                check_revision(expected, before.revision, changed_by=await tx.log.defined_by(view_id))
            event = ViewDeleted(view_id, before.version + 1, before.team, log.now, caller.user_id)
            view = evolve(before, event)
            await tx.log.append(view, event)
            await tx.complete(view)
        self._catalog.remember(view)
        try:
            await self._online.drop(view)
        except Error:
            # Nobody asks for a deleted view; its copy goes with the next sweep.
            _log.info("online copy of a deleted view stays for now", view_id=view_id)
        return view
