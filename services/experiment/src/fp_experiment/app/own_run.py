"""The run that a caller writes to."""

from fp_kernel import Principal

from fp_experiment.app.ports import Transaction
from fp_experiment.app.refusals import no_run
from fp_experiment.domain.runs import Run


async def own_run(tx: Transaction, caller: Principal, run_id: str) -> Run:
    """The run, locked. A job writes only to the runs that its own execution started: its token lies in an environment
    that other programs may read, and could else rewrite what the team has measured.

    Raises NotFound.
    """
    run = await tx.runs.locked(caller.team, run_id)
    if run is None or not run.open_to(caller.execution_id):
        raise no_run()
    return run
