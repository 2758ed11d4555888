"""Who may call what: the `Access` option of each RPC, read once, enforced on every call."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from forgepoint.common.v1 import access_pb2
from fp_kernel import PermissionDenied, Principal, Unauthenticated
from fp_kernel.identity import JOB_ROLE
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from fp_rpc.audit.records import AuditLevel

_LEVELS: Final[Mapping[int, AuditLevel]] = MappingProxyType(
    {
        access_pb2.AUDIT_LEVEL_UNSPECIFIED: AuditLevel.ON_DENY,
        access_pb2.AUDIT_LEVEL_NEVER: AuditLevel.NEVER,
        access_pb2.AUDIT_LEVEL_ON_DENY: AuditLevel.ON_DENY,
        access_pb2.AUDIT_LEVEL_ALWAYS: AuditLevel.ALWAYS,
    }
)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """public: no credential is asked for. permission: empty when any valid credential will do.

    callers: nouns of the services that may call an internal method. jobs: whether a job's token will do.
    login: whether only the token of a person's login will do.
    """

    public: bool = False
    permission: str = ""
    internal: bool = False
    cross_team: bool = False
    audit: AuditLevel = AuditLevel.ON_DENY
    callers: frozenset[str] = frozenset()
    jobs: bool = False
    login: bool = False

    def permit(self, principal: Principal | None) -> None:
        """Raises Unauthenticated without a principal, PermissionDenied when the rule refuses this one."""
        if self.public:
            return
        if principal is None:
            raise Unauthenticated("a bearer credential is required", reason="CREDENTIAL_MISSING")
        if self.internal and principal.service not in self.callers:
            raise _not_a_caller(principal)
        if principal.role == JOB_ROLE and not self.jobs:
            raise PermissionDenied("a job may not call this", reason="NOT_FOR_JOBS")
        if self.login and not principal.session_id:
            # What is about a person's own account is done by the person: a leaked key must not change his password, nor
            # a key of one scope become a session with all of them. Only the tokens of logins name a session.
            raise PermissionDenied("log in: a key or a program may not call this", reason="LOGIN_REQUIRED")
        # The plain case first: nearly every role names its permissions in full.
        if self.permission and self.permission not in principal.scopes and not principal.may(self.permission):
            raise PermissionDenied(
                f"permission {self.permission} is required",
                reason="PERMISSION_MISSING",
                metadata={"permission": self.permission},
            )


def _not_a_caller(principal: Principal) -> PermissionDenied:
    if not principal.is_service:
        return PermissionDenied("only services of the platform may call this", reason="INTERNAL_ONLY")
    return PermissionDenied(f"service {principal.service} is no caller of this", reason="NOT_A_CALLER")


@functools.cache
def access_rules(service: ServiceDescriptor) -> Mapping[str, AccessRule]:
    """The rule of each method by its name.

    Raises ValueError naming the method that has no rule.
    """
    return MappingProxyType({method.name: _rule(method) for method in service.methods})


def _rule(method: MethodDescriptor) -> AccessRule:
    options = method.GetOptions()
    access = options.Extensions[access_pb2.access]
    which = access.WhichOneof("rule")
    if which is None or (which != "permission" and not getattr(access, which)):
        raise ValueError(f"{method.full_name} has no Access option")
    if which == "permission" and access.permission.count(":") != 1:
        raise ValueError(f"{method.full_name}: permission {access.permission!r} is not resource:action")
    if which == "public" and (access.internal or access.cross_team or access.jobs or access.login):
        raise ValueError(f"{method.full_name}: a public method can be none of internal, cross_team, jobs and login")
    if access.login and (access.internal or access.jobs):
        raise ValueError(f"{method.full_name}: who logged in is neither a service nor a job")
    if access.internal != bool(access.callers):
        raise ValueError(f"{method.full_name}: an internal method names its callers, and no other one does")
    return AccessRule(
        public=which == "public",
        permission=access.permission,
        internal=access.internal,
        cross_team=access.cross_team,
        audit=_LEVELS[access.audit],
        callers=frozenset(access.callers),
        jobs=access.jobs,
        login=access.login,
    )
