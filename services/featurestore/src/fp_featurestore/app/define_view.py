"""Define a feature view, or change its definition."""

from fp_kernel import Aborted, Command, Principal, new_id
from fp_kernel.revisions import NOTHING, check_revision

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.ports import LogPart, Transactions
from fp_featurestore.app.update_online import UpdateOnline
from fp_featurestore.domain.events import DefinedView
from fp_featurestore.domain.features import Definition
from fp_featurestore.domain.log import define, evolve
from fp_featurestore.domain.view import View, check_definition


class DefineView:
    def __init__(self, transactions: Transactions, catalog: Catalog, update_online: UpdateOnline) -> None:
        self._transactions = transactions
        self._catalog = catalog
        self._update_online = update_online

    async def __call__(
        self, definition: Definition, caller: Principal, command: Command, *, expected: int | None = None
    ) -> View:
        """The view; unchanged when it is defined so already.

        Raises InvalidArgument, FailedPrecondition when rows written so far would become unreadable, Aborted when the
        view has another revision than the expected one.
        """
        # Before the database meets a text that it cannot take.
        check_definition(definition)
        async with self._transactions(command) as tx:
            view_id = await tx.names.lock(caller.team, definition.name) or new_id()
            log = await tx.log.lock(view_id)
            before = log.view
            if before is not None and before.deleted:
                raise Aborted("the view was deleted at the same moment", retry_after=0.1)
            if expected is not None:
                revision = NOTHING if before is None else before.revision
                check_revision(expected, revision, changed_by=await tx.log.defined_by(view_id))
            event = define(before, definition, view_id=view_id, team=caller.team, by=caller.user_id, at=log.now)
            if before is not None and before.definition == definition:
                view = before
            else:
                view = evolve(before, event)
                await tx.log.append(view, event)
                tx.outbox.add(DefinedView(view, caller.user_id, log.now))
            await tx.complete(view)
        self._catalog.remember(view)
        await self._update_online(view, LogPart(view.version, view.version, ()))
        return view
