"""Parameters of a run, each written once."""

from collections.abc import Mapping, Sequence

from fp_kernel import AlreadyExists, Command, FieldViolation, Principal, invalid

from fp_experiment.app.own_run import own_run
from fp_experiment.app.ports import Transactions
from fp_experiment.domain.runs import MAX_PARAMS, MAX_PARAMS_BYTES, check_params


class LogParams:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self, run_id: str, params: Sequence[tuple[str, str]], caller: Principal, command: Command
    ) -> int:
        """How many were new; the same value again is no error. All of them or none.

        Raises InvalidArgument, NotFound, FailedPrecondition when the run has ended, AlreadyExists naming the parameter
        that has another value.
        """
        check_params(params)
        if not params:
            raise invalid("params", "must not be empty")
        async with self._transactions(command) as tx:
            (await own_run(tx, caller, run_id)).check_running()
            there = await tx.runs.add_params(run_id, params)
            _check_same(params, there)
            size = await tx.runs.params_size(run_id)
            if size.count > MAX_PARAMS:
                raise invalid("params", f"a run has at most {MAX_PARAMS}")
            if size.bytes > MAX_PARAMS_BYTES:
                raise invalid("params", f"the parameters of a run have at most {MAX_PARAMS_BYTES} bytes together")
            accepted = len(dict(params)) - len(there)
            await tx.complete(accepted)
        return accepted


def _check_same(params: Sequence[tuple[str, str]], there: Mapping[str, str]) -> None:
    for index, (key, value) in enumerate(params):
        if there.get(key, value) != value:
            raise AlreadyExists(
                f"params[{index}].value: '{key}' has another value, and is written once",
                reason="PARAM_WRITTEN",
                fields=(FieldViolation(f"params[{index}].value", "is written already, with another value"),),
            )
