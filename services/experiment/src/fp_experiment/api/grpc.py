"""forgepoint.experiment.v1.ExperimentTrackerService."""

from fp_experiment.api.commands import CommandServicer
from fp_experiment.api.queries import QueryServicer
from fp_experiment.app.use_cases import UseCases


class ExperimentServicer(CommandServicer, QueryServicer):
    def __init__(self, use_cases: UseCases) -> None:
        CommandServicer.__init__(self, use_cases)
        QueryServicer.__init__(self, use_cases.queries, use_cases.history)
