"""Errors of what is not there, or is another team's."""

from fp_kernel import AlreadyExists, FieldViolation, NotFound


def no_experiment() -> NotFound:
    return NotFound("no such experiment", reason="EXPERIMENT_NOT_FOUND")


def no_run(field: str = "") -> NotFound:
    """field: where the request named it, when it names more than one."""
    prefix = f"{field}: " if field else ""
    return NotFound(f"{prefix}no such run", reason="RUN_NOT_FOUND")


def name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"name: the team has or had an experiment '{name}'",
        reason="EXPERIMENT_EXISTS",
        fields=(FieldViolation("name", "is taken"),),
    )
