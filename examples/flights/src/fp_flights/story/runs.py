"""The trainings as runs of an experiment, read back as anybody compares his own."""

from typing import Any, Final

from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import NotFound

from fp_flights import tracking
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session

# The newest, as many as one comparison takes.
_MOST: Final = 20
# Characters of a day; with the whole id of the run, a line has 80 at most.
_DAY: Final = 10


async def read_back(session: Session, narrator: Narrator) -> None:
    """Every run with how far the loss fell and how good the model became."""
    rows = [_row(each) for each in await compared(session)]
    title = f"Runs of the experiment {tracking.EXPERIMENT}, log-loss from first to last iteration"
    narrator.table(title, ("RUN", "STATUS", "UNTIL", "LOG-LOSS", "AUC"), rows)


async def compared(session: Session) -> list[Any]:
    """The newest runs side by side, oldest first."""
    request = pb.ListRunsRequest(experiment_id=await _experiment(session))
    request.pagination.page_size = _MOST
    listed = (await patiently(lambda: session.experiment.ListRuns(request))).runs
    asked = pb.CompareRunsRequest(run_ids=[run.id for run in listed], metric_keys=["log_loss", "auc"])
    comparisons = (await patiently(lambda: session.experiment.CompareRuns(asked))).comparisons
    return sorted(comparisons, key=lambda each: str(each.run.id))


async def _experiment(session: Session) -> str:
    """Raises NotFound when nothing was ever tracked: every training does."""
    request = pb.ListExperimentsRequest(name=tracking.EXPERIMENT)
    found = (await patiently(lambda: session.experiment.ListExperiments(request))).experiments
    if not found:
        raise NotFound(f"the experiment {tracking.EXPERIMENT} is not there: no training was tracked")
    return str(found[0].id)


def _row(comparison: Any) -> tuple[Any, ...]:
    run = comparison.run
    params = {each.key: each.value for each in run.params}
    points = {series.key: series.points for series in comparison.series}
    losses, auc = points.get("log_loss", ()), points.get("auc", ())
    return (
        run.id,
        pb.RunStatus.Name(run.status).removeprefix("RUN_STATUS_"),
        params.get("training_set.as_of", "-")[:_DAY],
        f"{losses[0].value:.3f}→{losses[-1].value:.3f}" if losses else "-",
        f"{auc[-1].value:.3f}" if auc else "-",
    )
