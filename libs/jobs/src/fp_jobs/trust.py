"""Whom a client of the platform trusts, where the platform speaks TLS."""

import ssl
from pathlib import Path

from fp_rpc.tls.trust import Trust, https_context


def channel(ca_file: str) -> Trust | None:
    """For calls. ca_file: of the platform's authority; empty where it speaks clear text."""
    return Trust(Path(ca_file)) if ca_file else None


def https(ca_file: str) -> ssl.SSLContext:
    """For URLs that the platform hands out."""
    return https_context(Path(ca_file) if ca_file else None)
