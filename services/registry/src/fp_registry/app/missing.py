"""What a caller hears of things that are not there; another team's are not there either."""

from fp_kernel import AlreadyExists, NotFound


def no_model() -> NotFound:
    return NotFound("there is no such model", reason="MODEL_NOT_FOUND")


def no_version() -> NotFound:
    return NotFound("there is no such version", reason="VERSION_NOT_FOUND")


def name_taken(kind: str, name: str) -> AlreadyExists:
    return AlreadyExists(
        f"the {kind} name {name} is taken; names stay reserved also after archive", reason=f"{kind.upper()}_EXISTS"
    )
