"""The grammar of subjects and of patterns over them."""

import re

DEAD_PREFIX = "fp.dlq"
REPLAY_TOKEN = "replay"  # noqa: S105 -- a token of a subject

_TOKEN = r"[A-Za-z0-9_-]+"  # noqa: S105 -- a token of a subject
_SUBJECT = re.compile(rf"fp(?:\.{_TOKEN}){{2,}}")
_PATTERN = re.compile(rf"(?:{_TOKEN}|\*)(?:\.(?:{_TOKEN}|\*))*(?:\.>)?|>")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def is_subject(subject: str) -> bool:
    """Whether an event may carry it: `fp.` and two or more plain tokens."""
    return _SUBJECT.fullmatch(subject) is not None


def is_pattern(pattern: str) -> bool:
    """Whether it is a subject with `*` for one token and `>` for the rest."""
    return _PATTERN.fullmatch(pattern) is not None


def is_name(name: str) -> bool:
    """Whether a consumer may have it: one token, so that it fits into a dead letter's subject."""
    return _NAME.fullmatch(name) is not None


def matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)


def overlap(one: str, other: str) -> bool:
    """Whether a subject can match both patterns."""
    left, right = one.split("."), other.split(".")
    for first, second in zip(left, right, strict=False):
        if ">" in (first, second):
            return True
        if first != second and "*" not in (first, second):
            return False
    return len(left) == len(right)


def dead_subject(consumer: str, subject: str) -> str:
    return f"{DEAD_PREFIX}.{consumer}.{subject}"


def replay_subject(consumer: str, subject: str) -> str:
    """Where a dead letter goes to be handled again by `consumer` alone.

    A dead letter has `fp` after the consumer's name and a replay has `replay`: neither can be taken for the other.
    """
    return f"{DEAD_PREFIX}.{consumer}.{REPLAY_TOKEN}.{subject}"


def replay_pattern(consumer: str) -> str:
    return f"{DEAD_PREFIX}.{consumer}.{REPLAY_TOKEN}.>"


def dead_pattern(consumer: str = "*") -> str:
    return f"{DEAD_PREFIX}.{consumer}.fp.>"
