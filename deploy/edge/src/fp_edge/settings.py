"""Settings of the edge, from its environment, and the values that its templates take."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_SHORTEST_PROOF: Final = 16
# The other port of the gateway, which has one proof for both.
_HTTP: Final = "gateway_http"
# The part of the heap that the edge keeps when it is not used; at rest it uses 13 MiB.
_KEPT: Final = 12


def _words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in value.replace(",", " ").split() if word) if isinstance(value, str) else value


def _pairs(value: str | dict[str, str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in value.split(",") if pair) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
# `host:port` of each replica, or one name that resolves to all of them.
Address = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):[0-9]{1,5}$")]
Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_words), Field(min_length=1)]
Proof = Annotated[SecretStr, Field(min_length=_SHORTEST_PROOF)]
Proofs = Annotated[dict[str, Proof], NoDecode, BeforeValidator(_pairs)]
Port = Annotated[int, Field(ge=1, le=65_535)]
PerSecond = Annotated[int, Field(ge=1, le=1_000_000)]


class EdgeSettings(BaseSettings):
    """edge_port, edge_host: the platform's address; the host is `bind_host` where it is empty. http_port: readiness and
    metrics, for the inside.
    edge_folder: where the filled files and the admin's socket lie; only the edge may read it.
    edge_proofs: `noun=secret,...`; by it a service knows that the edge tells it a client's address.
    edge_trusted_hops: proxies in front of the edge, each of which adds its client to X-Forwarded-For.
    edge_cors_origins: of web pages that may call from a browser; none by default.
    """

    model_config = SettingsConfigDict(env_prefix="FP_", env_ignore_empty=True, extra="ignore", frozen=True)

    edge_port: Port = 8000
    http_port: Port = 8080
    bind_host: str = "0.0.0.0"
    edge_host: str = ""
    edge_folder: Path = Path("/run/forgepoint/edge")
    edge_proofs: Proofs
    edge_trusted_hops: Annotated[int, Field(ge=0, le=10)] = 0
    edge_cors_origins: Words = ()
    # Of the public address, where the world does not trust the authority of `tls_ca_file`.
    edge_cert_file: Path | None = None
    edge_key_file: Path | None = None
    # As each service has them: the edge's certificate inside, and the authority of the services'. Without them, and
    # without the two above, all of it is clear text.
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    reflection: bool = False
    # `failed`: only what was refused or failed.
    edge_access_log: Literal["all", "failed", "none"] = "all"
    # Threads that serve; two carry some thousand calls a second.
    edge_workers: Annotated[int, Field(ge=1, le=64)] = 2
    # A second and address, for callers who have proved nothing: calls of public methods, and refused calls.
    edge_public_rate: PerSecond = 50
    edge_refused_rate: PerSecond = 100
    # Bytes of memory; from nine tenths of it on the largest streams are reset, then new ones refused.
    edge_heap_bytes: Annotated[int, Field(ge=64 * 1024 * 1024)] = 512 * 1024 * 1024
    edge_connections: Annotated[int, Field(ge=16)] = 5_000

    auth_addr: Addresses
    registry_addr: Addresses
    inference_addr: Addresses
    pipeline_addr: Addresses
    featurestore_addr: Addresses
    experiment_addr: Addresses
    billing_addr: Addresses
    notification_addr: Addresses
    monitor_addr: Addresses
    gateway_addr: Addresses
    gateway_http_addr: Addresses

    @field_validator("edge_proofs")
    @classmethod
    def _complete(cls, proofs: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Of every service, since each believes its own alone."""
        nouns = {name.removesuffix("_addr") for name in cls.model_fields if name.endswith("_addr")} - {_HTTP}
        if missing := sorted(nouns - set(proofs)):
            raise ValueError(f"no proof for {', '.join(missing)}")
        return proofs

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A part of the settings of TLS would be clear text where it was not meant."""
        for files in (
            (self.edge_cert_file, self.edge_key_file),
            (self.tls_cert_file, self.tls_key_file, self.tls_ca_file),
        ):
            if any(files) and not all(files):
                raise ValueError("a certificate needs its key, and inside its authority")
        return self

    def _certificates(self) -> Mapping[str, Any]:
        public = (self.edge_cert_file or self.tls_cert_file, self.edge_key_file or self.tls_key_file)
        return {
            **_of_pair("public", *public),
            **_of_pair("own", self.tls_cert_file, self.tls_key_file),
            "world_apart": self.edge_cert_file is not None and self.tls_cert_file is not None,
            "ca_file": str(self.tls_ca_file or ""),
            "ca_folder": str(self.tls_ca_file.parent if self.tls_ca_file else ""),
        }

    def values(self) -> Mapping[str, Any]:
        """By the names of the templates' placeholders."""
        addresses = {name.removesuffix("_addr"): value for name, value in self if name.endswith("_addr")}
        proofs = {noun: secret.get_secret_value() for noun, secret in self.edge_proofs.items()}
        return {
            "host": self.bind_host,
            "public_host": self.edge_host or self.bind_host,
            "port": self.edge_port,
            "probe_port": self.http_port,
            "trusted_hops": self.edge_trusted_hops,
            "cors_origins": [{"exact": origin} for origin in self.edge_cors_origins],
            "cors_pattern": "|".join(re.escape(origin) for origin in self.edge_cors_origins),
            **(certificates := self._certificates()),
            "tls": certificates["public_tls"],
            "reflection": self.reflection,
            "log": self.edge_access_log != "none",
            "log_failed_only": self.edge_access_log == "failed",
            "public_rate": self.edge_public_rate,
            "public_burst": 4 * self.edge_public_rate,
            "refused_rate": self.edge_refused_rate,
            "refused_burst": 4 * self.edge_refused_rate,
            "heap_bytes": self.edge_heap_bytes,
            "kept_bytes": self.edge_heap_bytes // _KEPT,
            "connections": self.edge_connections,
            **{f"endpoints.{name}": [_endpoint(each) for each in value] for name, value in addresses.items()},
            **{f"proof.{noun}": proof for noun, proof in proofs.items()},
        }


def _of_pair(kind: str, certificate: Path | None, key: Path | None) -> dict[str, Any]:
    return {
        f"{kind}_tls": certificate is not None,
        f"{kind}_cert_file": str(certificate or ""),
        f"{kind}_key_file": str(key or ""),
        f"{kind}_cert_folder": str(certificate.parent if certificate else ""),
    }


def _endpoint(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"endpoint": {"address": {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}}}
