"""The certificates of one data folder: an authority of its own, and what it issues to each program there."""

import shutil
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from fp_kernel import Clock

from fp_devstack.files import write_private
from fp_devstack.tls.authority import Authority, Pair, is_key_of
from fp_devstack.tls.folder import CertificateFiles

# Its key never leaves the folder, and each `fp` that trusts it reads the file again.
AUTHORITY_LASTS: Final = timedelta(days=5 * 365)
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
# Short, so that a copied key is soon worth nothing; long enough for a laptop that sleeps through a night.
LEAF_LASTS: Final = timedelta(hours=24)
# Of a store: SeaweedFS looks for a new one every five hours while it runs, and a laptop sleeps.
STORE_LASTS: Final = timedelta(days=90)
# People reach them by the addresses of this machine.
FRONTS: Final = frozenset(("edge", "gateway"))
OPERATORS: Final = "cli"
# Renewed when a third of its life is left.
_LEFT: Final = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """hosts: names and addresses by which clients reach it, beside its noun. lasts: until its end."""

    noun: str
    hosts: tuple[str, ...] = ()
    lasts: timedelta = LEAF_LASTS


def wanted(nouns: Collection[str], fronts: Collection[str]) -> list[Wanted]:
    """fronts: those of them that get the addresses of this machine."""
    return [Wanted(noun, this_machine() if noun in fronts else ()) for noun in nouns]


def of_store(name: str) -> Wanted:
    """Clients reach stores by their address."""
    return Wanted(name, LOOPBACK, STORE_LASTS)


def this_machine() -> tuple[str, ...]:
    """Its name and its loopback addresses."""
    return tuple(dict.fromkeys((*LOOPBACK, socket.gethostname())))


class LocalCertificates:
    """Kept in `{folder}/tls/`: `ca.crt`, `ca.key`, and a folder for each noun."""

    def __init__(self, folder: Path, wanted: Collection[Wanted], clock: Clock) -> None:
        self._folder = folder / "tls"
        self._wanted: Mapping[str, Wanted] = {each.noun: each for each in wanted}
        self._clock = clock

    @property
    def authority(self) -> Path:
        """For clients that have no certificate of their own."""
        return self._folder / "ca.crt"

    def files(self, noun: str) -> CertificateFiles:
        return CertificateFiles(self._folder / noun)

    def withdraw(self, noun: str) -> None:
        """It speaks clear text from its next start on."""
        shutil.rmtree(self.files(noun).folder, ignore_errors=True)

    def renew(self) -> list[str]:
        """Issues what is missing, nears its end, or is not of this authority and for these hosts; says for whom.

        Blocks for milliseconds a certificate; called at the start, and then each minute.
        """
        now = self._clock.now()
        authority = self._authority(now)
        trusted = self.authority.read_text(encoding="utf-8")
        stale = [each for each in self._wanted.values() if not _good(self.files(each.noun), each, authority, now)]
        for each in stale:
            pair = authority.issue(each.noun, hosts=each.hosts, at=now, lasts=each.lasts)
            self.files(each.noun).write(pair, trusted)
        return [each.noun for each in stale]

    def _authority(self, now: datetime) -> Authority:
        """The one of the folder; a new one when there is none or it nears its end. Then the old one is trusted beside
        it, until what it issued has been replaced everywhere.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, before = self._folder / "ca.key", ""
        if self.authority.exists():
            before = self.authority.read_text(encoding="utf-8")
            # Who died between the two files has left a certificate whose key nobody has.
            found = Authority.read(Pair(before, key.read_text(encoding="utf-8"))) if key.exists() else None
            if found is not None and found.fits and _lasts(found.certificate, now):
                return found
        fresh = Authority.new("Forgepoint on this machine", at=now, lasts=AUTHORITY_LASTS)
        write_private(self.authority, fresh.pair.certificate + before)
        write_private(key, fresh.pair.key)
        return fresh


def _good(files: CertificateFiles, wanted: Wanted, authority: Authority, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        found.verify_directly_issued_by(authority.certificate)
        # Who died between the two files has left a key of another certificate.
        if not is_key_of(found, files.key.read_bytes()):
            return False
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    hosts = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    return hosts == {wanted.noun, *wanted.hosts} and _lasts(found, now)


def _lasts(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether more than a third of its life is left."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return ends - now > (ends - begins) / _LEFT
