"""What a version learned from is built again at the end, when the feature store knows the whole year."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb

from fp_flights import training_set
from fp_flights.story import executions
from fp_flights.story.narrator import Narrator
from fp_flights.story.session import Session
from fp_flights.training_set import Window


@dataclass(frozen=True, slots=True)
class Lesson:
    """facts: of the training set, as the output of TRAIN has them."""

    version: str
    facts: Mapping[str, Any]


async def build_again(session: Session, narrator: Narrator, trainings: list[str]) -> bool:
    """Whether the set of each version is byte-identical, with the same two times and nothing else given.

    trainings: executions, by id; those that registered a version count.
    """
    identical = True
    for lesson in await _lessons(session, trainings):
        window = Window.parse(lesson.facts["window_start"], lesson.facts["as_of"])
        again = await training_set.read(session.features, window)
        same = again.sha256 == lesson.facts["sha256"]
        identical = identical and same
        narrator.say(
            f"the {len(again.flights)} flights of version {lesson.version}, as of and known as of "
            f"{lesson.facts['as_of']}, built again: {'byte-identical' if same else 'DIFFERENT'}, {again.sha256[:12]}"
        )
    return identical


async def _lessons(session: Session, trainings: list[str]) -> list[Lesson]:
    found = []
    for execution_id in trainings:
        execution = await executions.get(session, execution_id)
        if execution.status == pb.EXECUTION_STATUS_COMPLETED:
            version = str(executions.output(execution, "register")["version"])
            found.append(Lesson(version, executions.output(execution, "train")["training_set"]))
    return found
