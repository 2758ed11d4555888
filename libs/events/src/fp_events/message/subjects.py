"""The grammar of subjects and of patterns over them."""

import re

DEAD_PREFIX = "fp.dlq"
REPLAY_TOKEN = "replay"  # noqa: S105 -- a token of a subject

_TOKEN = r"[A-Za-z0-9_-]+"  # noqa: S105 -- a token of a subject
_SUBJECT = re.compile(rf"fp(?:\.{_TOKEN}){{2,}}")
_PATTERN = re.compile(rf"(?:{_TOKEN}|\*)(?:\.(?:{_TOKEN}|\*))*(?:\.>)?|>")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
# What several services tell. The last token of such a subject is the noun of who tells it, so that the server holds
# each to its own: it does not look into envelopes.
_OF_SEVERAL = frozenset({"fp.audit.recorded"})


def subject_of(kind: str, source: str) -> str:
    """Under which subject a service tells an event of this type: the type, with the service's noun where several do."""
    return f"{kind}.{source}" if source and kind in _OF_SEVERAL else kind


def type_of(subject: str) -> str:
    """Of which type an event has to be that comes under this subject: the subject, without the noun of who tells it."""
    kind = subject.rpartition(".")[0]
    return kind if kind in _OF_SEVERAL else subject


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
    """Whether the subject fits the pattern of NATS: `*` is one part, `>` is one or more at the end."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(given) > index
        if index >= len(given) or part not in ("*", given[index]):
            return False
    return len(wanted) == len(given)


def intersection(one: str, other: str) -> str | None:
    """The pattern of exactly the subjects that match both; None when there is none."""
    left, right = one.split("."), other.split(".")
    common: list[str] = []
    for index, (first, second) in enumerate(zip(left, right, strict=False)):
        if first == ">":
            return ".".join((*common, *right[index:]))
        if second == ">":
            return ".".join((*common, *left[index:]))
        if first != second and "*" not in (first, second):
            return None
        common.append(second if first == "*" else first)
    return ".".join(common) if len(left) == len(right) else None


def dead_subject(consumer: str, subject: str) -> str:
    return f"{DEAD_PREFIX}.{consumer}.{subject}"


def replay_subject(consumer: str, subject: str, letter: int | None = None) -> str:
    """Where an event goes to be handled again by `consumer` alone.

    letter: number of the dead letter that it was. Each has its own subject, on which the server stores one message.
    A dead letter has `fp` after the consumer's name and a replay has `replay`: neither can be taken for the other.
    """
    return ".".join((DEAD_PREFIX, consumer, REPLAY_TOKEN, *([] if letter is None else [str(letter)]), subject))


def replay_pattern(consumer: str) -> str:
    return f"{DEAD_PREFIX}.{consumer}.{REPLAY_TOKEN}.>"


def original_subject(subject: str) -> str:
    """The subject under which a replayed event was published first; any other subject is its own."""
    if subject.startswith(f"{DEAD_PREFIX}."):
        _, _, _, kind, original = subject.split(".", 4)
        if kind == REPLAY_TOKEN:
            number, _, rest = original.partition(".")
            return rest if number.isdecimal() else original
    return subject


def dead_pattern(consumer: str = "*", subject: str = "fp.>") -> str:
    return f"{DEAD_PREFIX}.{consumer}.{subject}"
