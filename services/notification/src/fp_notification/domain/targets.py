"""Where webhooks may go: public addresses only, so that nobody reaches inside by asking the platform to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from fp_kernel import invalid
from fp_kernel.secret_references import is_reference

from fp_notification.domain.mails import mask_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAIL_SERVER = ":smtp"
"""The destination that is the mail server; no host is called so."""
_LONGEST = 2_048
_PORTS = {"https": 443, "http": 80}
# What the standard library takes for global and is not, or not for us.
_CLOSED: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4",
        "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "5f00::/16", "fec0::/10",
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")
_SIXTO4 = IPv6Network("2002::/16")


class Forbidden(Exception):
    """The target is not one that the platform calls; the message is for people and names no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """host: a name or an address without brackets. path: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """allowed: loopback networks that may be called in spite of all, also without TLS; empty outside development."""

    allowed: tuple[Network, ...] = ()

    def usable(self, address: Address, scheme: str) -> bool:
        if any(address in network for network in self.allowed if network.version == address.version):
            return True
        return scheme == "https" and _public(address)

    def choose(self, target: Target, addresses: Sequence[str]) -> tuple[str, ...]:
        """What may be connected to; every address of a name must be usable, so that none is chosen by chance.

        Raises Forbidden.
        """
        found = [ip_address(each) for each in addresses]
        if not found or not all(self.usable(each, target.scheme) for each in found):
            raise Forbidden("the target is not a public https address")
        return tuple(dict.fromkeys(map(str, found)))


def parse_target(url: str, field: str) -> Target:
    """Raises InvalidArgument naming `field`."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise invalid(field, f"must be a URL of at most {_LONGEST} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid(field, "must be a URL") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise invalid(field, "must be a URL that starts with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise invalid(field, "must have neither a user nor a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(parts, field), port or _PORTS[parts.scheme], path)


def destination(target: str, team: str) -> str:
    """Whom a target calls: what has one room and one breaker, whatever the path, the port or the writing.

    All addresses are of the mail server. A reference stands for the host that nobody knows before it is resolved.
    """
    if is_reference(target):
        return f":{team}/{target}"
    if is_address(target):
        return MAIL_SERVER
    return (urlsplit(target).hostname or "").rstrip(".") if target else ""


def is_address(target: str) -> bool:
    return "@" in target and "://" not in target


def mask(target: str) -> str:
    """What of a target is shown: the path of a URL is often a secret, and an address is personal."""
    if is_reference(target):
        return target
    if is_address(target):
        return mask_address(target)
    parts = urlsplit(target)
    return f"{parts.scheme}://{parts.netloc}/..." if target else ""


def _host(parts: SplitResult, field: str) -> str:
    host = parts.hostname or ""
    if "%" in host or host.startswith(".") or ".." in host:
        raise invalid(field, "must name a host")
    return host


def _public(address: Address) -> bool:
    """Also what an IPv6 address carries inside must be public."""
    if isinstance(address, IPv6Address):
        if (inner := _inner(address)) is not None:
            return _public(inner)
        if address.scope_id is not None:
            return False
    if address.is_multicast or address.is_unspecified or any(_within(address, network) for network in _CLOSED):
        return False
    return address.is_global


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour if address in _SIXTO4 else None
