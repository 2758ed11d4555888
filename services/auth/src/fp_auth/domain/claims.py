"""The claims of access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import invalid
from fp_kernel.identity import JOB_ROLE, NO_LIMITS, SERVICE_ROLE, KeyLimits

from fp_auth.domain.users import Role, User

AUDIENCE = "forgepoint"
ADDRESS_AUDIENCE = "forgepoint-client-address"
"""Of a token that only proves which service passed a client's address on: ten services see it with each call."""
AUDIENCES = frozenset((AUDIENCE, ADDRESS_AUDIENCE))
OWN_LIFE = timedelta(minutes=1)
"""Of the token with which auth itself calls another service."""
MAX_JOB_LIFE = timedelta(hours=24)
_MAX_ID = 100
# What a job may be given beyond its role, where its step asks for it: a backtest reads what was predicted.
_MORE_OF_JOBS = frozenset({"predictions:read"})


@dataclass(frozen=True, slots=True)
class Claims:
    """subject: user id, for a service its noun. expires_at: None for an API key that never ends.

    token_id: `jti`; for an API key the key's id. session_id: of the login that a person's token came from.
    """

    subject: str
    team: str
    role: str
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime | None
    token_id: str
    email: str = ""
    name: str = ""
    api_key_id: str = ""
    key_limits: KeyLimits = NO_LIMITS
    execution_id: str = ""
    service: str = ""
    session_id: str = ""
    audience: str = AUDIENCE


def of_user(user: User, role: Role, *, now: datetime, life: timedelta, token_id: str, session_id: str) -> Claims:
    return Claims(
        subject=user.id,
        team=user.team,
        role=role.name,
        scopes=role.scopes,
        issued_at=now,
        expires_at=now + life,
        token_id=token_id,
        email=user.email,
        name=user.name,
        session_id=session_id,
    )


def of_service(  # the facts of one service
    service: str, scopes: frozenset[str], *, audience: str, now: datetime, life: timedelta, token_id: str
) -> Claims:
    """A service belongs to no team; it names one with each call that it makes for a team."""
    return Claims(
        subject=service,
        team="",
        role=SERVICE_ROLE,
        scopes=scopes if audience == AUDIENCE else frozenset(),
        issued_at=now,
        expires_at=now + life,
        token_id=token_id,
        name=service,
        service=service,
        audience=audience,
    )


def of_job(  # the facts of one job
    *,
    user_id: str,
    team: str,
    execution_id: str,
    step_id: str,
    scopes: frozenset[str],
    now: datetime,
    life: timedelta,
    token_id: str,
) -> Claims:
    return Claims(
        subject=user_id or f"job:{execution_id}",
        team=team,
        role=JOB_ROLE,
        scopes=scopes,
        issued_at=now,
        expires_at=now + life,
        token_id=token_id,
        name=f"job {step_id}",
        execution_id=execution_id,
    )


def check_job(execution_id: str, step_id: str, life: timedelta, permissions: Sequence[str] = ()) -> None:
    """Raises InvalidArgument naming the field."""
    if len(permissions) > len(_MORE_OF_JOBS):
        raise invalid("permissions", f"must be at most {len(_MORE_OF_JOBS)}")
    for place, each in enumerate(permissions):
        if each not in _MORE_OF_JOBS:
            raise invalid(f"permissions[{place}]", f"must be one of {', '.join(sorted(_MORE_OF_JOBS))}")
    for field, value in (("execution_id", execution_id), ("step_id", step_id)):
        if not value or len(value) > _MAX_ID or not value.isprintable():
            raise invalid(field, f"must be 1 to {_MAX_ID} printable characters")
    if not timedelta(0) < life <= MAX_JOB_LIFE:
        raise invalid("ttl", "must be more than 0 and at most 24 hours")
