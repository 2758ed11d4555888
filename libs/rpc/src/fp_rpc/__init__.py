"""gRPC servers and channels of the platform.

Servers (`Server`) promise, for all four RPC shapes:

- Access first: the `Access` option of the RPC decides on the headers, before the body is read, before a resource is
  looked up and before UNIMPLEMENTED. A method without the option does not start.
- Calls, the bytes that they hold, health checks and those who wait for auth are bounded.
- Identity is verified, never told: RS256 tokens against cached keys, API keys through auth. Only services may act for
  another team (`fp-on-behalf-of-team`, `fp-on-behalf-of-user`).
- Handlers raise `fp_kernel` errors; one table (`errors`) turns them into status and details, and back. Anything else is
  logged with its cause and answered "internal error".
- Every call has a correlation id, RED metrics, a span when traces are on, and a deadline where the shape has an end.
- A command sent twice answers its first response (`command`, `fp_kernel.Replayed`).
- Calls that the audit level names reach an `AuditSink`; denials are rate-limited and counted, never lost in silence.
  Where the caller sits is the connection's other end, or what the gateway says and proves by its own token.
- A stop drains: no new calls, streams end with UNAVAILABLE/DRAINING, running calls get the grace.

Channels (`Channels`) promise: token, on-behalf-of, correlation id, trace and a deadline shorter than the incoming one
on every call; failures come back as `fp_kernel` errors, those of a service's peers as its own where they would blame
its caller; a retry only of UNAVAILABLE, before the first byte, where a repeat does no harm, within a budget.
"""

from fp_rpc.access import AccessRule, access_rules
from fp_rpc.acting import acting_for
from fp_rpc.api_keys import ApiKeyResolver
from fp_rpc.audit import AuditLevel, AuditRecord, AuditSink, LogAudit, NoAudit
from fp_rpc.call import Call, current_call, principal
from fp_rpc.channels import ChannelPolicy, Channels
from fp_rpc.commands import command
from fp_rpc.credentials import BearerToken, Credential, ForwardedToken, ServiceCredential
from fp_rpc.denials import DenialPolicy
from fp_rpc.errors import from_rpc_error, http_status, to_problem, to_status
from fp_rpc.identity import CredentialResolver, IdentityResolver
from fp_rpc.jwks import HttpJwks, JwksSource, StaticJwks
from fp_rpc.retries import RetryPolicy
from fp_rpc.server import Server, ServerPolicy
from fp_rpc.tokens import JwtResolver
from fp_rpc.validate import auth_validator, remote_identity

__all__ = [
    "AccessRule",
    "ApiKeyResolver",
    "AuditLevel",
    "AuditRecord",
    "AuditSink",
    "BearerToken",
    "Call",
    "ChannelPolicy",
    "Channels",
    "Credential",
    "CredentialResolver",
    "DenialPolicy",
    "ForwardedToken",
    "HttpJwks",
    "IdentityResolver",
    "JwksSource",
    "JwtResolver",
    "LogAudit",
    "NoAudit",
    "RetryPolicy",
    "Server",
    "ServerPolicy",
    "ServiceCredential",
    "StaticJwks",
    "access_rules",
    "acting_for",
    "auth_validator",
    "command",
    "current_call",
    "from_rpc_error",
    "http_status",
    "principal",
    "remote_identity",
    "to_problem",
    "to_status",
]
