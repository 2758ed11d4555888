"""Who calls, known before anything of the call's body is read.

The service behind verifies again, and is the one that judges permissions: here nobody is let in, only kept out. What a
stranger sends is then never read, let alone parsed.
"""

from collections.abc import Mapping
from typing import Final

from fp_kernel import Principal, Unauthenticated
from fp_kernel.audit import AuditRecord
from fp_rpc import headers
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.audit.records import AuditLevel
from fp_rpc.identity.caller import IdentityResolver, identify

from fp_gateway.methods import Method

# What anybody may send: a name, a password, a token of another issuer.
PUBLIC_BODY: Final = 8 * 1024


class Callers:
    """Verifies credentials by the keys that are cached here; refusals become audit records, as they do in services."""

    def __init__(self, identity: IdentityResolver, audit: AuditQueue) -> None:
        self._identity = identity
        self._audit = audit

    async def check(
        self, method: Method, sent: Mapping[str, str], address: str, correlation_id: str
    ) -> Principal | None:
        """Who calls the method; None where anybody may.

        sent: headers of the call by their lower-case names. address: of the client.
        Raises Unauthenticated, Unavailable when that cannot be checked now.
        """
        if method.rule.public:
            return None
        try:
            return await identify(self._identity, {headers.AUTHORIZATION: sent.get(headers.AUTHORIZATION, "")})
        except Unauthenticated as refused:
            if method.rule.audit is not AuditLevel.NEVER:
                self._audit.add(
                    AuditRecord(
                        method=method.path, status=refused.kind.value, peer=address, correlation_id=correlation_id
                    )
                )
            raise
