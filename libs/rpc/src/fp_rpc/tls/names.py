"""Whose certificate is at the other end, and for whom he may speak."""

from collections.abc import Iterable
from typing import Final

from fp_kernel import PermissionDenied, Principal

TRUST_DOMAIN: Final = b"spiffe://forgepoint/"
# They pass the calls of people and programs outside on, with their credentials; `cli` is a person beside the platform.
_FRONT_DOORS: Final = frozenset(("edge", "gateway", "cli"))


def noun_of(names: Iterable[bytes] | None) -> str:
    """The noun in the names of a certificate; empty without a certificate, or one without exactly one such name."""
    found = [name for name in names or () if name.startswith(TRUST_DOMAIN)]
    return found[0].removeprefix(TRUST_DOMAIN).decode("ascii", "replace") if len(found) == 1 else ""


def check_principal(principal: Principal, noun: str) -> None:
    """Raises PermissionDenied when the certificate is not of the one whose credential came.

    A stolen token of a service is worth nothing to another one, nor is a person's token to a service that saw it.
    """
    if principal.is_service:
        check_service(principal.service, noun)
    elif noun not in _FRONT_DOORS:
        raise PermissionDenied("calls of people come by the edge", reason="CERTIFICATE_MISMATCH")


def check_service(service: str, noun: str) -> None:
    """Raises PermissionDenied when the certificate is not of this service."""
    if service != noun:
        raise PermissionDenied("the certificate of the connection is not the caller's", reason="CERTIFICATE_MISMATCH")
