"""Record what a run produced."""

from dataclasses import replace

from fp_kernel import Command, Principal

from fp_experiment.app.own_run import own_run
from fp_experiment.app.ports import Transactions
from fp_experiment.domain.runs import Run


class SetRunArtifacts:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, run_id: str, artifacts: bytes, caller: Principal, command: Command) -> Run:
        """artifacts: the whole document, in place of what was there; also after the end of the run. Raises NotFound."""
        async with self._transactions(command) as tx:
            run = replace(await own_run(tx, caller, run_id), artifacts=artifacts)
            await tx.runs.save(run)
            await tx.complete(run)
        return run
