"""The identity of a service: its credential, its channels to others, and how it learns who calls it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from fp_kernel import Unimplemented
from fp_kernel.hosting import Host
from fp_telemetry import Metrics

from fp_rpc.client.channels import Channels
from fp_rpc.client.credentials import ServiceCredential
from fp_rpc.identity.access_tokens import JwtResolver
from fp_rpc.identity.api_keys import ApiKeyResolver
from fp_rpc.identity.auth_client import auth_validator, list_withdrawals
from fp_rpc.identity.caller import CredentialResolver
from fp_rpc.identity.ended import EndedIdentities
from fp_rpc.identity.jwks import HttpJwks
from fp_rpc.identity.withdrawals import Withdrawals
from fp_rpc.tls.certificates import Certificates

JWKS_PATH: Final = "/.well-known/jwks.json"
_AUTH_TIMEOUT: Final = 5.0


class Health(Protocol):
    def add(self, name: str, ping: Callable[[], Awaitable[object]], *, hard: bool) -> None: ...


class Measured(Host, Protocol):
    @property
    def metrics(self) -> Metrics: ...
    @property
    def health(self) -> Health: ...
    @property
    def certificates(self) -> Certificates | None: ...


class Secret(Protocol):
    def get_secret_value(self) -> str: ...


class Settings(Protocol):
    """auth_addr: of its RPCs. auth_issuer: URL of its HTTP address. service_secret: of the service itself.

    edge_proof: see `CredentialResolver`.
    """

    @property
    def auth_addr(self) -> str: ...
    @property
    def auth_issuer(self) -> str: ...
    @property
    def service_secret(self) -> Secret: ...
    @property
    def edge_proof(self) -> Secret | None: ...


@dataclass(frozen=True, slots=True)
class Peers:
    """credential: of this service. channels: to the others, with it. identity: who a caller is.
    ended: hears of credentials that ended before their time.
    """

    credential: ServiceCredential
    channels: Channels
    identity: CredentialResolver
    ended: EndedIdentities


def peers(runtime: Measured, settings: Settings) -> Peers:
    """Closed by the runtime: the channels before the credential that their last calls still need.

    The service is not ready before it can tell who calls: auth that was started beside it is late by seconds, and until
    then every call fails. After that auth may be away; tokens outlive that.
    """
    certificates, secret = runtime.certificates, settings.service_secret.get_secret_value()
    credential = ServiceCredential(runtime.noun, secret, settings.auth_addr, certificates=certificates)
    channels = Channels(credential, metrics=runtime.metrics, certificates=certificates)
    auth = channels.open(settings.auth_addr, peer="auth", timeout=_AUTH_TIMEOUT, passing=(Unimplemented,))
    jwks = HttpJwks(f"{settings.auth_issuer}{JWKS_PATH}", certificates=certificates)
    keys = ApiKeyResolver(auth_validator(auth))
    withdrawals = Withdrawals(list_withdrawals(auth))
    identity = CredentialResolver(JwtResolver(settings.auth_issuer, jwks), keys, withdrawals, edge_proof(settings))
    runtime.health.add("identity", Once(jwks.load, withdrawals.load), hard=True)
    runtime.on_close(credential.close)
    runtime.on_close(jwks.close)
    runtime.on_close(withdrawals.close)
    runtime.on_close(channels.close)
    return Peers(credential, channels, identity, EndedIdentities(withdrawals, keys))


class Proven(Protocol):
    @property
    def edge_proof(self) -> Secret | None: ...


def edge_proof(settings: Proven) -> str:
    """What the edge proves itself with; empty where there is none."""
    return settings.edge_proof.get_secret_value() if settings.edge_proof else ""


class Once:
    """A ping that is bad until each of the loads succeeded once, and good from then on."""

    def __init__(self, *loads: Callable[[], Awaitable[object]]) -> None:
        self._loads = list(loads)

    async def __call__(self) -> None:
        """Raises what a load raised."""
        while self._loads:
            await self._loads[0]()
            del self._loads[:1]
