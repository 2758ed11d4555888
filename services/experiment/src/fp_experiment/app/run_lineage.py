"""Lineage of a run itself; the rest comes from events."""

from datetime import datetime

from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.lineage import Edge, Fact, Kind, LineageRecord, Ref, Relation, facts
from fp_experiment.domain.runs import DataInput, Run


def of_run(run: Run, experiment: Experiment) -> LineageRecord:
    """Data -> run -> pipeline execution, as far as the run has them."""
    node, at = Ref(Kind.RUN, run.id), run.started_at
    found: list[Fact] = facts(
        node,
        at,
        experiment_id=experiment.id,
        experiment=experiment.described.name,
        name=run.display_name,
        status=run.status,
        **{f"read.{read.view}": asked(read) for read in run.inputs},
    )
    edges = [Edge(Ref(Kind.DATA, read.view), node, Relation.READ_BY, at) for read in run.inputs]
    if run.execution_id:
        edges.append(Edge(node, Ref(Kind.RUN, run.execution_id), Relation.PART_OF, at))
    return LineageRecord(found, edges)


def of_end(run: Run) -> LineageRecord:
    at = run.ended_at or run.started_at
    return LineageRecord(facts(Ref(Kind.RUN, run.id), at, status=run.status))


def of_deletion(run: Run, at: datetime) -> LineageRecord:
    """What it led to stays in the lineage."""
    return LineageRecord(facts(Ref(Kind.RUN, run.id), at, deleted_at=at))


def asked(read: DataInput) -> str:
    """What the run asked of the view."""
    parts = (("as_of", read.as_of), ("known_as_of", read.known_as_of))
    return " ".join(f"{name} {moment.isoformat()}" for name, moment in parts if moment) or "latest"
