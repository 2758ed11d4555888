"""Define a feature view, or change its definition."""

from fp_kernel import Aborted, Command, Principal, new_id

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.follow import Follow
from fp_featurestore.app.ports import Replayed, Transactions
from fp_featurestore.domain.events import DefinedView
from fp_featurestore.domain.features import Definition
from fp_featurestore.domain.log import define, evolve
from fp_featurestore.domain.view import View, check_definition


class DefineView:
    def __init__(self, transactions: Transactions, catalog: Catalog, follow: Follow) -> None:
        self._transactions = transactions
        self._catalog = catalog
        self._follow = follow

    async def __call__(self, definition: Definition, caller: Principal, command: Command) -> View:
        """The view; unchanged when it is defined so already.

        Raises InvalidArgument, FailedPrecondition when rows written so far would become unreadable.
        """
        # Before the database meets a text that it cannot take.
        check_definition(definition)
        async with self._transactions(command) as tx:
            view_id = await tx.named(caller.team, definition.name) or new_id()
            turn = await tx.turn(view_id)
            before = turn.view
            if before is not None and before.deleted:
                raise Aborted("the view was deleted at the same moment", retry_after=0.1)
            event = define(before, definition, view_id=view_id, team=caller.team, by=caller.user_id, at=turn.now)
            if before is not None and before.definition == definition:
                view = before
            else:
                view = evolve(before, event)
                await tx.append(view, event)
                tx.emit(DefinedView(view, caller.user_id, turn.now))
            await tx.complete(view)
        self._catalog.keep(view)
        await self._follow(view, Replayed(view.version, view.version, ()))
        return view
