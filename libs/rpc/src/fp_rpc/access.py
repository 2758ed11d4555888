"""Who may call what: the `Access` option of each RPC, read once, enforced on every call."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from forgepoint.common.v1 import access_pb2
from fp_kernel import PermissionDenied, Principal, Unauthenticated
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
    """public: no credential is asked for. permission: empty when any valid credential will do."""

    public: bool = False
    permission: str = ""
    internal: bool = False
    cross_team: bool = False
    audit: AuditLevel = AuditLevel.ON_DENY

    def permit(self, principal: Principal | None) -> None:
        """Raises Unauthenticated without a principal, PermissionDenied when the rule refuses this one."""
        if self.public:
            return
        if principal is None:
            raise Unauthenticated("a bearer credential is required", reason="CREDENTIAL_MISSING")
        if self.internal and not principal.is_service:
            raise PermissionDenied("only services of the platform may call this", reason="INTERNAL_ONLY")
        # The plain case first: nearly every role names its permissions in full.
        if self.permission and self.permission not in principal.scopes and not principal.may(self.permission):
            raise PermissionDenied(
                f"permission {self.permission} is required",
                reason="PERMISSION_MISSING",
                metadata={"permission": self.permission},
            )


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
    if which == "public" and (access.internal or access.cross_team):
        raise ValueError(f"{method.full_name}: a public method can be neither internal nor cross_team")
    return AccessRule(
        public=which == "public",
        permission=access.permission,
        internal=access.internal,
        cross_team=access.cross_team,
        audit=_LEVELS[access.audit],
    )
