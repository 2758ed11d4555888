"""Refusals, each with its reason code."""

from fp_kernel import AlreadyExists, FieldViolation, NotFound


def no_experiment() -> NotFound:
    return NotFound("no such experiment", reason="EXPERIMENT_NOT_FOUND")


def no_run(field: str = "") -> NotFound:
    """field: where the request named it, when it names more than one."""
    prefix = f"{field}: " if field else ""
    return NotFound(f"{prefix}no such run", reason="RUN_NOT_FOUND")


def name_taken(name: str, experiment_id: str = "") -> AlreadyExists:
    """experiment_id: of the one that has the name, for those who only want to log to it and may not list."""
    return AlreadyExists(
        f"name: the team has or had an experiment '{name}'",
        reason="EXPERIMENT_EXISTS",
        fields=(FieldViolation("name", "is taken"),),
        metadata={"experiment_id": experiment_id} if experiment_id else None,
    )
