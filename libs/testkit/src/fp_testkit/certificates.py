"""Certificates for tests: good ones, expired ones, and those of an authority that nobody trusts.

TLS libraries judge them by the machine's time, so that is when they are made.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from fp_devstack.tls.authority import Authority
from fp_devstack.tls.folder import CertificateFiles

from fp_testkit.wallclock import machine_seconds

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LASTS: Final = timedelta(days=1)


class Certificates:
    """An authority of one test, and certificates of it in `<folder>/<noun>/`.

    authority: the file with its certificate, for clients that have none of their own.
    """

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._authority = Authority.new(name, at=_now(), lasts=_LASTS)
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = folder / "ca.crt"
        self.authority.write_text(self._authority.pair.certificate)

    def of(self, noun: str, *, hosts: Collection[str] = LOOPBACK) -> CertificateFiles:
        """A certificate good for a day; made anew, with another key, at each call: files in use are replaced."""
        return self._write(noun, hosts, _now())

    def expired(self, noun: str, *, hosts: Collection[str] = LOOPBACK) -> CertificateFiles:
        """One that ended an hour ago."""
        return self._write(noun, hosts, _now() - _LASTS - timedelta(hours=1))

    def of_stranger(self, noun: str, *, hosts: Collection[str] = LOOPBACK) -> CertificateFiles:
        """One by another authority, beside the certificate of this one: who has it trusts, and is not trusted."""
        stranger = Authority.new("strange authority", at=_now(), lasts=_LASTS)
        return self._write(noun, hosts, _now(), stranger)

    def _write(
        self, noun: str, hosts: Collection[str], at: datetime, issuer: Authority | None = None
    ) -> CertificateFiles:
        files = CertificateFiles(self._folder / noun)
        pair = (issuer or self._authority).issue(noun, hosts=hosts, at=at, lasts=_LASTS)
        files.write(pair, self._authority.pair.certificate)
        return files


def _now() -> datetime:
    return datetime.fromtimestamp(machine_seconds(), UTC)
