"""Learn from January and February."""

from dataclasses import dataclass

from fp_flights import pipelines, tracking
from fp_flights.story import executions
from fp_flights.story.calendar import FIRST, SERVED, iso
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session


@dataclass(frozen=True, slots=True)
class Learned:
    """version: of the registered model. auc: on the held-out weeks of the training months."""

    execution_id: str
    version: str
    version_id: str
    auc: float


async def learn(session: Session, narrator: Narrator) -> Learned:
    """A version from the features and outcomes that were known at the end of February."""
    pipeline_id = await executions.apply(session, pipelines.training(await tracking.experiment(session.experiment)))
    with narrator.stage("training pipeline") as stage:
        values = pipelines.first_input(as_of=iso(SERVED), window_start=iso(FIRST))
        execution = await executions.run(session, pipeline_id, values, stage)
        evaluated = executions.output(execution, "evaluate")["metrics"]
        registered = executions.output(execution, "register")
        version, version_id = str(registered["version"]), str(registered["version_id"])
        learned = Learned(execution.id, version, version_id, float(evaluated["auc"]))
        stage.done(f"{pipelines.MODEL} version {learned.version}, AUC {learned.auc:.3f} on held-out weeks")
    return learned
