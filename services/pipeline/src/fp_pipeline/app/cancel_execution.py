"""Someone wants an execution to stop; whichever replica works on it hears of it."""

from dataclasses import replace

from fp_kernel import Clock, Command, FailedPrecondition, NotFound, invalid

from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import Transaction, Transactions
from fp_pipeline.domain import scheduling
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus
from fp_pipeline.domain.json_values import is_clean

_MAX_REASON = 500


class CancelExecution:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, actor: Actor, execution_id: str, reason: str, command: Command) -> Execution:
        """The execution with its cancellation asked for, or CANCELLED when nothing had begun.

        Raises NotFound, FailedPrecondition when it has ended or is being undone already.
        """
        if len(reason) > _MAX_REASON or not is_clean(reason):
            raise invalid("reason", f"must be at most {_MAX_REASON} characters without NUL")
        async with self._transactions(command) as tx:
            execution = await tx.executions.find(actor.team, execution_id)
            if execution is None:
                raise NotFound(f"no execution {execution_id}")
            asked = await self._ask(tx, execution, Cancellation(actor.user_id, reason))
            await tx.complete(asked)
        return asked

    async def _ask(self, tx: Transaction, execution: Execution, cancellation: Cancellation) -> Execution:
        if execution.cancellation is not None:
            return execution
        if execution.status.ended:
            raise FailedPrecondition(f"the execution is {execution.status} already", reason="EXECUTION_ENDED")
        if execution.status is ExecutionStatus.COMPENSATING:
            raise FailedPrecondition("the execution failed and is being undone", reason="EXECUTION_COMPENSATING")
        await tx.executions.ask_to_cancel(execution.id, cancellation)
        asked = replace(execution, cancellation=cancellation)
        if execution.status is ExecutionStatus.PENDING and await tx.executions.idle(execution.id):
            return await self._end(tx, asked)
        return asked

    async def _end(self, tx: Transaction, execution: Execution) -> Execution:
        """Nothing had begun: no worker is needed to end it."""
        while progress := scheduling.advance(execution, self._clock.now()):
            await tx.executions.save(progress, None)
            for event in progress.events:
                tx.outbox.add(event)
            execution = progress.execution
        return execution
