"""Deploy a version by a saga."""

from fp_flights import pipelines
from fp_flights.story import executions
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session


async def deploy(session: Session, narrator: Narrator, version: str) -> None:
    """All traffic to a version at once, for a model that nobody calls yet."""
    pipeline_id = await executions.apply(session, pipelines.deployment())
    with narrator.stage("deployment saga") as stage:
        await executions.run(session, pipeline_id, {"model": pipelines.MODEL, "version": version}, stage)
        stage.done(f"{pipelines.MODEL} version {version} has the traffic")
