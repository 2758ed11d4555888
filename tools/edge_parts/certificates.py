"""TLS of the public address and to the services. Envoy reads certificates again when their folder changes."""

from collections.abc import Mapping

from edge_parts.shapes import Json, extension, resources, typed

_PUBLIC, _OWN, _AUTHORITY = "public", "own", "authority"
_OLDEST = {"tls_minimum_protocol_version": "TLSv1_2"}


def documents() -> Mapping[str, Json]:
    """By the file's name: Envoy takes one secret from a file."""
    authority = {
        "$when": "ca_file",
        **typed(
            "extensions.transport_sockets.tls.v3.Secret",
            name=_AUTHORITY,
            validation_context={
                "trusted_ca": {"filename": "{ca_file}"},
                "watched_directory": {"path": "{ca_folder}"},
            },
        ),
    }
    secrets = {_PUBLIC: _pair(_PUBLIC, "public"), _OWN: _pair(_OWN, "own"), _AUTHORITY: authority}
    return {_file(name): resources(secret) for name, secret in secrets.items()}


def public() -> Json:
    """Clients prove who they are by credentials, the edge by its certificate: where the world is shown another one than
    its own, by the one that has the name which the client asks for. Jobs call it by its noun.
    """
    own = {"$when": "world_apart", **_source(_OWN)}
    return extension(
        "transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": _OLDEST,
            # The first one is shown to who asks for no name that is known.
            "tls_certificate_sds_secret_configs": [_source(_PUBLIC), own],
        },
    )


def to_service(noun: str, protocol: str) -> Json:
    """Both prove who they are; the service by its noun, wherever it listens."""
    name = {"san_type": "URI", "matcher": {"exact": f"spiffe://forgepoint/{noun}"}}
    return extension(
        "transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni=noun,
        common_tls_context={
            "alpn_protocols": [protocol],
            "tls_params": _OLDEST,
            "tls_certificate_sds_secret_configs": [_source(_OWN)],
            "combined_validation_context": {
                "default_validation_context": {"match_typed_subject_alt_names": [name]},
                "validation_context_sds_secret_config": _source(_AUTHORITY),
            },
        },
    )


def _pair(name: str, kind: str) -> Json:
    pair = {
        "certificate_chain": {"filename": f"{{{kind}_cert_file}}"},
        "private_key": {"filename": f"{{{kind}_key_file}}"},
        "watched_directory": {"path": f"{{{kind}_cert_folder}}"},
    }
    secret = typed("extensions.transport_sockets.tls.v3.Secret", name=name, tls_certificate=pair)
    return {"$when": f"{kind}_tls", **secret}


def _source(name: str) -> Json:
    source = {"path_config_source": {"path": f"./{_file(name)}"}, "resource_api_version": "V3"}
    return {"name": name, "sds_config": source}


def _file(name: str) -> str:
    return f"secret_{name}.json"
