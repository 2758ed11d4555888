"""Refusals of things that do not exist or are another team's."""

from fp_kernel import AlreadyExists, NotFound


def no_plan() -> NotFound:
    return NotFound("there is no such rate plan", reason="RATE_PLAN_NOT_FOUND")


def no_invoice() -> NotFound:
    return NotFound("there is no such invoice", reason="INVOICE_NOT_FOUND")


def plan_name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"the rate plan name {name} is taken", reason="RATE_PLAN_EXISTS")
