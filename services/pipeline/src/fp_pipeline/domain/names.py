"""Names of effects: they carry execution, step and attempt, so that a resumed attempt finds what it had started and
one that lost its lease cannot touch what came after it.
"""

import hashlib
import re
from dataclasses import dataclass

RUNTIME_PREFIX = "runtime-"
JOB_PREFIX = "job-"
SHARED_PREFIX = "shared-"
_RUNTIME = re.compile(RUNTIME_PREFIX + r"(?P<execution>[0-9a-f]{32})-(?P<attempt>\d+)-(?P<step>.+)")


@dataclass(frozen=True, slots=True)
class AttemptName:
    """Identity of one attempt of one step of one execution."""

    execution_id: str
    step_id: str
    attempt: int

    @property
    def runtime(self) -> str:
        return f"{RUNTIME_PREFIX}{self._suffix}"

    @property
    def job(self) -> str:
        return f"{JOB_PREFIX}{self._suffix}"

    def key(self, verb: str) -> str:
        """Idempotency key of one call of this attempt."""
        return f"{self.execution_id}/{self.step_id}/{self.attempt}/{verb}"

    def step_key(self, verb: str) -> str:
        """Idempotency key of a call that must happen once over all attempts of the step."""
        return f"{self.execution_id}/{self.step_id}/{verb}"

    def file(self, name: str) -> str:
        """Object key of a file that the attempt puts."""
        return f"{files_of(self.execution_id)}{self.step_id}/{self.attempt}/{name}"

    @property
    def _suffix(self) -> str:
        return f"{self.execution_id.replace('-', '')}-{self.attempt}-{self.step_id}"


def shared_group(team: str) -> str:
    """Of the runtimes of a team that share a process; a team's name may hold more than a process's may."""
    return f"{SHARED_PREFIX}{hashlib.sha256(team.encode()).hexdigest()[:16]}"


def files_of(execution_id: str) -> str:
    """What the object keys of all files of an execution begin with."""
    return f"pipelines/{execution_id}/"


def parse_runtime(name: str) -> AttemptName | None:
    """Whose runtime this is; None for a name that is not ours."""
    match = _RUNTIME.fullmatch(name)
    if match is None:
        return None
    raw = match["execution"]
    execution_id = "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
    return AttemptName(execution_id, match["step"], int(match["attempt"]))
