"""What a caller hears of things that are not there; another team's are not there either."""

from fp_kernel import NotFound


def no_view() -> NotFound:
    return NotFound("there is no such feature view", reason="FEATURE_VIEW_NOT_FOUND")
