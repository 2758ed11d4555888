"""Whose API keys a caller may touch."""

from fp_kernel import PermissionDenied, Principal, Unauthenticated, parse_id
from fp_kernel.identity import JOB_ROLE

from fp_auth.app.ports import ApiKeys, Users
from fp_auth.app.refusals import no_user
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.service_accounts import SERVICE_ACCOUNT_ROLE
from fp_auth.domain.users import User
from fp_auth.domain.workloads import WORKLOAD_ROLE

ADMINISTER_KEYS = "api-keys:admin"


async def lock_own_key(api_keys: ApiKeys, caller: Principal) -> ApiKey | None:
    """The key that the caller uses, None for a person.

    Locked, so that a key which is being revoked makes no other one that the revocation does not see.
    Raises Unauthenticated when it was revoked meanwhile.
    """
    if not caller.api_key_id:
        return None
    key = await api_keys.lock(caller.team, caller.api_key_id)
    if key is None or key.revoked_at is not None:
        raise Unauthenticated("the API key is unknown, expired or revoked", reason="API_KEY_INVALID")
    return key


def require_person(caller: Principal) -> None:
    """A program that acts for a person must not outlive that by a key of its own. Raises PermissionDenied."""
    if caller.service or caller.is_service or caller.role in (JOB_ROLE, SERVICE_ACCOUNT_ROLE, WORKLOAD_ROLE):
        raise PermissionDenied("API keys are managed by people; programs have credentials of their own")


async def owner_named(users: Users, caller: Principal, user_id: str) -> User:
    """The user that `user_id` names, the caller himself when it is empty.

    Raises InvalidArgument for what is no id, PermissionDenied when another one is named by who may not,
    NotFound for who is not of the caller's team.
    """
    require_person(caller)
    wanted = parse_id(user_id, "user_id") if user_id else caller.user_id
    if wanted != caller.user_id and not caller.may(ADMINISTER_KEYS):
        raise PermissionDenied("user_id: only an admin may name another user")
    user = await users.find(wanted)
    if user is None or user.deleted or user.team != caller.team:
        raise no_user()
    return user
