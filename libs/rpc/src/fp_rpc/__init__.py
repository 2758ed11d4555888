"""gRPC servers and channels of the platform.

`server` takes calls in, `client` sends them, `identity` says who calls, `audit` records who did what and who was
refused; what both sides share lies beside them. docs/reading.md walks one call through the files.

Servers (`Server`) promise, for all four kinds of RPC:

- Access first: the `Access` option of the RPC decides on the headers, before the body is read, before a resource is
  looked up and before UNIMPLEMENTED. A method without the option does not start.
- Calls, the bytes that they hold, health checks and those who wait for auth are bounded.
- Identity is verified: RS256 tokens against cached keys, API keys through auth. Only services may act for another team
  (`fp-on-behalf-of-team`, `fp-on-behalf-of-user`).
- What ended before its time (a disabled user, a suspended team, a revoked key, a session, a signing key, a job's
  execution) is refused within a moment of auth's event, and its open streams end with UNAUTHENTICATED.
- Handlers raise `fp_kernel` errors; one table (`errors`) turns them into status and details, and back. Anything else is
  logged with its cause and answered "internal error".
- Every call has a correlation id, RED metrics, a span when traces are on, and a deadline unless it is an open stream.
- A command sent twice answers its first response (`command`, `fp_kernel.Replayed`).
- Calls that the audit level names reach an `AuditSink`; denials are rate-limited and counted, never lost in silence.
  The client's address is the connection's other end, or what the gateway says and proves by its own token.
- A stop drains: no new calls, streams end with UNAVAILABLE/DRAINING, running calls get the grace.

Channels (`Channels`) promise: token, on-behalf-of, correlation id, trace and a deadline shorter than the incoming one
on every call; failures come back as `fp_kernel` errors, those of a service's peers as its own where they would blame
its caller; a retry only of UNAVAILABLE, before the first byte, where a repeat does no harm, within a budget.
"""

from fp_rpc.access import AccessRule, access_rules
from fp_rpc.audit.denials import DenialPolicy
from fp_rpc.audit.records import AuditLevel, AuditSink, LogAudit, NoAudit
from fp_rpc.client.channels import ChannelPolicy, Channels
from fp_rpc.client.credentials import BearerToken, Credential, ForwardedToken, ServiceCredential
from fp_rpc.client.on_behalf_of import acting_for
from fp_rpc.errors import from_rpc_error, http_status, to_problem, to_status
from fp_rpc.identity.access_tokens import JwtResolver
from fp_rpc.identity.api_keys import ApiKeyResolver
from fp_rpc.identity.auth_client import auth_validator
from fp_rpc.identity.caller import CredentialResolver, IdentityResolver
from fp_rpc.identity.jwks import HttpJwks, JwksSource, StaticJwks
from fp_rpc.identity.withdrawals import Withdrawal, Withdrawals
from fp_rpc.retries import RetryPolicy
from fp_rpc.server.commands import command, expected_revision
from fp_rpc.server.incoming_call import Call, caller, current_call, principal
from fp_rpc.server.server import Server, ServerPolicy

__all__ = [
    "AccessRule",
    "ApiKeyResolver",
    "AuditLevel",
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
    "Withdrawal",
    "Withdrawals",
    "access_rules",
    "acting_for",
    "auth_validator",
    "caller",
    "command",
    "current_call",
    "expected_revision",
    "from_rpc_error",
    "http_status",
    "principal",
    "to_problem",
    "to_status",
]
