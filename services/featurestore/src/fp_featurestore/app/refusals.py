"""Refusals of things that do not exist or are another team's."""

from fp_kernel import NotFound


def no_view() -> NotFound:
    return NotFound("there is no such feature view", reason="FEATURE_VIEW_NOT_FOUND")
