"""A service that is newer than the auth that it asks."""

import asyncio

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Principal
from fp_rpc import Server
from fp_rpc.hosting import peers
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE


class Runtime:
    noun = "registry"
    certificates = None

    def __init__(self):
        self.metrics = Metrics("registry")
        self.health = self
        self.pings = {}
        self.closing = []

    def add(self, name, ping, *, hard):
        self.pings[name] = ping, hard

    def on_close(self, callback):
        self.closing.append(callback)


class Secret:
    def get_secret_value(self):
        return "s" * 16


class Settings:
    auth_issuer, service_secret, edge_proof = "http://127.0.0.1:1", Secret(), None

    def __init__(self, address):
        self.auth_addr = address


class OldAuth(auth_pb2_grpc.AuthServiceServicer):
    """Knows nothing of credentials that end before their time."""

    def __init__(self, keys):
        self._keys = keys

    async def ExchangeServiceToken(self, request, context):
        answer = auth_pb2.ExchangeServiceTokenResponse(access_token=self._keys.service(request.service))
        answer.expires_at.FromSeconds(4_000_000_000)
        return answer


async def test_an_auth_of_before_ends_nothing_before_its_time_and_stops_nobody(keys, resolver):
    auth = Server("auth", resolver=resolver, metrics=Metrics("auth"))
    auth.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, OldAuth(keys))
    runtime = Runtime()
    others = peers(runtime, Settings(f"127.0.0.1:{await auth.start('127.0.0.1:0')}"))
    ann = Principal(user_id="ann", team="red", role="viewer", scopes=frozenset(), expires_at=4e9)
    try:
        async with asyncio.timeout(PATIENCE):
            await others.identity.withdrawals.check(ann)
    finally:
        for close in reversed(runtime.closing):
            await close()
        await auth.stop(0)
