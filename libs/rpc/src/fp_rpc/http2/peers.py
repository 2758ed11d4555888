"""Who is at the other end of a connection, by gRPC's names."""

import asyncio


def peer_of(transport: asyncio.BaseTransport) -> str:
    address = transport.get_extra_info("peername")
    if not isinstance(address, tuple):
        return "unix:"
    host, port = address[0], address[1]
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"


def identities_of(transport: asyncio.BaseTransport) -> tuple[bytes, ...] | None:
    """The names in its certificate; None without one."""
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return None
    return tuple(name.encode() for _, name in certificate.get("subjectAltName", ()))
