"""The identity of a service: its credential, its channels to others, and how it learns who calls it."""

from dataclasses import dataclass
from typing import Final, Protocol

from fp_kernel import Unimplemented
from fp_kernel.hosting import Host
from fp_telemetry import Metrics

from fp_rpc.client.channels import Channels
from fp_rpc.client.credentials import ServiceCredential
from fp_rpc.identity.auth_client import remote_identity
from fp_rpc.identity.caller import CredentialResolver
from fp_rpc.identity.ended import EndedIdentities

_AUTH_TIMEOUT: Final = 5.0


class Measured(Host, Protocol):
    @property
    def metrics(self) -> Metrics: ...


class Secret(Protocol):
    def get_secret_value(self) -> str: ...


class Settings(Protocol):
    """auth_addr: of its RPCs. auth_issuer: URL of its HTTP address. service_secret: of the service itself."""

    @property
    def auth_addr(self) -> str: ...
    @property
    def auth_issuer(self) -> str: ...
    @property
    def service_secret(self) -> Secret: ...


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
    """Closed by the runtime: the channels before the credential that their last calls still need."""
    credential = ServiceCredential(runtime.noun, settings.service_secret.get_secret_value(), settings.auth_addr)
    channels = Channels(credential, metrics=runtime.metrics)
    auth = channels.open(settings.auth_addr, timeout=_AUTH_TIMEOUT, passing=(Unimplemented,))
    identity, keys = remote_identity(settings.auth_issuer, auth)
    runtime.on_close(credential.close)
    runtime.on_close(identity.withdrawals.close)
    runtime.on_close(channels.close)
    return Peers(credential, channels, identity, EndedIdentities(identity.withdrawals, keys))
