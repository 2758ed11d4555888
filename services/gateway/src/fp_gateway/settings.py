"""Settings of the gateway, from its environment."""

import re
from typing import Annotated

from fp_runtime.fields import Address, HttpUrl
from fp_runtime.settings import EventSettings, Port, ServiceSettings
from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from fp_gateway.trusted_proxies import Network, parse_networks

# Services that a platform may run without; their RPCs then answer UNIMPLEMENTED, after the access check.
NOUNS = (
    "auth",
    "registry",
    "inference",
    "pipeline",
    "featurestore",
    "experiment",
    "billing",
    "notification",
    "monitor",
    "ai",
)


# An origin as browsers send it: no path, no wildcard.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


def _origins(value: str | tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin such as https://app.example.org")
    return found


def _networks(value: str | tuple[Network, ...]) -> tuple[Network, ...]:
    return parse_networks(value) if isinstance(value, str) else value


class GatewaySettings(ServiceSettings, EventSettings):
    """gateway_http_port: the public HTTP port; `http_port` stays for health and metrics.

    auth_public_url: of that HTTP as others reach it; the platform's metadata as an issuer name it.
    """

    gateway_http_port: Port = 8000
    # Networks of the proxies in front of the gateway, separated by commas; only from them is X-Forwarded-For believed.
    gateway_trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    # Origins whose scripts may call the HTTP API with a token of their own, separated by commas.
    gateway_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    # A line for each request; off where a proxy in front writes it.
    gateway_access_log: bool = True
    auth_public_url: HttpUrl | None = None
    auth_addr: Address
    registry_addr: Address
    inference_addr: Address
    pipeline_addr: Address
    featurestore_addr: Address | None = None
    experiment_addr: Address | None = None
    billing_addr: Address | None = None
    notification_addr: Address | None = None
    monitor_addr: Address | None = None
    ai_addr: Address | None = None
    # Seconds for an HTTP request, and for a gRPC call without a deadline.
    default_deadline: Annotated[float, Field(gt=0, le=600)] = 30.0
    # Seconds; a longer deadline of a gRPC caller is cut to it, so that nobody holds a call open for ever.
    longest_deadline: Annotated[float, Field(gt=0, le=86_400)] = 3_600.0

    def addresses(self) -> dict[str, str]:
        """Address by noun, of the services that run."""
        found = {noun: getattr(self, f"{noun}_addr") for noun in NOUNS}
        return {noun: address for noun, address in found.items() if address}
