"""Who calls, known before anything of the call's body is read.

The service behind verifies again, and is the one that judges permissions: here nobody is let in, only kept out. What a
stranger sends is then never read, let alone parsed.
"""

from collections.abc import Mapping
from typing import Final

from fp_kernel import Error, Principal, Unauthenticated
from fp_kernel.audit import AuditRecord
from fp_rpc import headers
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.audit.records import AuditLevel
from fp_rpc.identity.caller import IdentityResolver, identify

from fp_gateway.false_credentials import FalseCredentials
from fp_gateway.methods import Method

# What anybody may send: a name, a password, a token of another issuer.
PUBLIC_BODY: Final = 8 * 1024


class Callers:
    """Verifies credentials by the keys that are cached here; refusals become audit records, as they do in services.

    counted: false ones of an address; None where the edge counts them.
    """

    def __init__(self, identity: IdentityResolver, audit: AuditQueue, counted: FalseCredentials | None) -> None:
        self._identity = identity
        self._audit = audit
        self._counted = counted

    async def check(
        self, method: Method, sent: Mapping[str, str], address: str, correlation_id: str
    ) -> Principal | None:
        """Who calls the method; None where anybody may.

        sent: headers of the call by their lower-case names. address: of the client.
        Raises Unauthenticated, Unavailable when that cannot be checked now, ResourceExhausted for an address that sent
        too many false ones.
        """
        if method.rule.public:
            return None
        header = sent.get(headers.AUTHORIZATION, "")
        try:
            if self._counted is None:
                return await self._identify(header)
            return await self._identify_counted(header, address, self._counted)
        except Unauthenticated as refused:
            if method.rule.audit is not AuditLevel.NEVER:
                self._audit.add(
                    AuditRecord(
                        method=method.path, status=refused.kind.value, peer=address, correlation_id=correlation_id
                    )
                )
            raise

    async def _identify(self, header: str) -> Principal:
        return await identify(self._identity, {headers.AUTHORIZATION: header})

    async def _identify_counted(self, header: str, address: str, counted: FalseCredentials) -> Principal:
        claim = counted.enter(address, header)
        try:
            principal = await self._identify(header)
        except Unauthenticated:
            if claim is None:
                counted.refused(address, header)
            raise
        except Error:
            if claim is not None:
                claim.unjudged()
            raise
        if claim is not None:
            claim.accepted()
        return principal
