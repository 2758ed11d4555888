"""What services need of auth, without auth: keys over HTTP, service and job tokens and API keys over gRPC."""

import asyncio
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from fp_testkit.identity import ADDRESS_AUDIENCE, ROLE_SCOPES, TEAM, TestIdentity
from fp_testkit.wallclock import real_now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc
    from fp_rpc import Server

SERVICE_SECRET = "test-secret-of-a-service"
_TTL = 900
_POLL = 0.02


class Issuer:
    """url: for FP_AUTH_ISSUER. address: host:port for FP_AUTH_ADDR. identity: signs tokens that it vouches for.

    Any service whose secret is SERVICE_SECRET gets a token. `api_key` makes keys that ValidateToken knows.
    ended: (kind, id) of what ListWithdrawals says has ended; `end` says it also to who watches.
    """

    def __init__(self) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.identity = TestIdentity(self.url)
        self.address = ""
        self.keys: dict[str, dict[str, Any]] = {}
        self.validations = 0
        self.ended: list[tuple[str, str]] = []
        self.changed = asyncio.Event()
        self._http.body = json.dumps(self.identity.jwks).encode()
        self._thread = threading.Thread(target=self._http.serve_forever, args=(_POLL,), name="issuer", daemon=True)
        self._rpc: Server | None = None

    async def start(self) -> None:
        from forgepoint.auth.v1 import auth_pb2_grpc, withdrawals_pb2_grpc
        from fp_rpc import Server
        from fp_telemetry import Metrics

        self._thread.start()
        self._rpc = Server("auth", resolver=self.identity.resolver(), metrics=Metrics("auth"))
        self._rpc.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, _servicer(self))
        self._rpc.add(withdrawals_pb2_grpc.add_WithdrawalServiceServicer_to_server, _withdrawals(self))
        self.address = f"127.0.0.1:{await self._rpc.start('127.0.0.1:0')}"
        self._rpc.set_serving(True)

    async def stop(self) -> None:
        if self._rpc is not None:
            await self._rpc.stop(0)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def end(self, kind: str, identity: str) -> None:
        self.ended.append((kind, identity))
        self.changed.set()
        self.changed = asyncio.Event()

    def api_key(self, *, role: str = "engineer", team: str = TEAM, key_id: str = "key-1", **claims: Any) -> str:
        """A key that ValidateToken answers with these claims, until `keys.pop(key)`."""
        key = f"fp_{key_id:A<43.43}"
        self.keys[key] = {
            "user_id": f"{role}-of-{team}",
            "team": team,
            "role": role,
            "scopes": sorted(ROLE_SCOPES[role]),
            "api_key_id": key_id,
            "jti": key_id,
        } | claims
        return key


def _servicer(issuer: Issuer) -> object:
    from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
    from fp_kernel import Unauthenticated
    from fp_rpc import current_call

    class Auth(auth_pb2_grpc.AuthServiceServicer):
        async def ExchangeServiceToken(
            self, request: auth_pb2.ExchangeServiceTokenRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
        ) -> auth_pb2.ExchangeServiceTokenResponse:
            if request.secret != SERVICE_SECRET:
                raise Unauthenticated("unknown service credential", reason="WRONG_CREDENTIALS")
            issue = issuer.identity.address_proof if request.audience == ADDRESS_AUDIENCE else issuer.identity.service
            response = auth_pb2.ExchangeServiceTokenResponse(access_token=issue(request.service, ttl=_TTL))
            response.expires_at.FromDatetime(real_now() + timedelta(seconds=_TTL))
            return response

        async def ValidateToken(
            self, request: auth_pb2.ValidateTokenRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
        ) -> auth_pb2.ValidateTokenResponse:
            issuer.validations += 1
            if request.token not in issuer.keys:
                raise Unauthenticated("unknown API key", reason="API_KEY_INVALID")
            return auth_pb2.ValidateTokenResponse(claims=auth_pb2.TokenClaims(**issuer.keys[request.token]))

        async def IssueJobToken(
            self, request: auth_pb2.IssueJobTokenRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
        ) -> auth_pb2.IssueJobTokenResponse:
            team = current_call().team
            token = issuer.identity.job(team, request.execution_id, ttl=request.ttl.seconds)
            return auth_pb2.IssueJobTokenResponse(access_token=token)

    return Auth()


def _withdrawals(issuer: Issuer) -> object:
    from forgepoint.auth.v1 import withdrawals_pb2, withdrawals_pb2_grpc

    class Withdrawals(withdrawals_pb2_grpc.WithdrawalServiceServicer):
        async def ListWithdrawals(
            self,
            _request: withdrawals_pb2.ListWithdrawalsRequest,
            _context: "grpc.aio.ServicerContext[Any, Any]",
        ) -> "AsyncIterator[withdrawals_pb2.ListWithdrawalsResponse]":
            yield withdrawals_pb2.ListWithdrawalsResponse(withdrawals=said())

        async def WatchSigningKeys(
            self,
            _request: withdrawals_pb2.WatchSigningKeysRequest,
            _context: "grpc.aio.ServicerContext[Any, Any]",
        ) -> "AsyncIterator[withdrawals_pb2.WatchSigningKeysResponse]":
            while True:
                changed = issuer.changed
                keys = [each for each in said() if each.kind == "signing_key"]
                yield withdrawals_pb2.WatchSigningKeysResponse(withdrawals=keys)
                await changed.wait()

    def said() -> list[withdrawals_pb2.Withdrawal]:
        answer = [withdrawals_pb2.Withdrawal(kind=kind, id=identity, revision=1) for kind, identity in issuer.ended]
        for each in answer:
            each.until.FromDatetime(real_now() + timedelta(days=1))
        return answer

    return Withdrawals()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        known = self.path == "/.well-known/jwks.json"
        self.send_response(200 if known else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.body) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(self.server.body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing: the test says what matters."""
