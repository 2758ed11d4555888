"""The files of a certificate, by the names that a Kubernetes secret of type TLS has."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fp_devstack.files import write_private

if TYPE_CHECKING:
    from fp_devstack.tls.authority import Pair


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a program finds its certificate, its key, and the authority that it trusts."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    def write(self, pair: "Pair", authority: str) -> None:
        """Replaces each file in one step. Who reads in between finds a key and a certificate that do not fit, and reads
        again.

        authority: certificates of the authorities to trust, in PEM.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.authority, authority)
        write_private(self.key, pair.key)
        write_private(self.certificate, pair.certificate)
