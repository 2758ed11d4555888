"""The signatures by which events of recorded predictions are built, beside the spool.

A record names its signature by digest. It is written once, before the first record that names it, so that the next
process builds the same event of what this one recorded, whatever is deployed by then.
"""

import hashlib
from pathlib import Path

from fp_kernel.signatures import UNDECLARED, Signature
from fp_telemetry import get_logger

from fp_inference.adapters.route_json import dump_signature, load_signature

_DIGEST_CHARACTERS = 32
# Signatures in memory; one that is read or written again costs a little more than one that is there.
_MOST = 1_000

_log = get_logger(__name__)


class Layouts:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "layouts"
        self._folder.mkdir(exist_ok=True, mode=0o700)
        # By identity: a route has the same object for as long as a version is deployed, and a hash would walk all of
        # it with each prediction. The signature is held, so that no other gets its identity.
        self._written: dict[int, tuple[Signature, str]] = {}
        self._read: dict[str, Signature] = {}

    def digest(self, signature: Signature) -> str:
        """The name of a signature that is on disk. Raises OSError."""
        known = self._written.get(id(signature))
        if known is not None:
            return known[1]
        text = dump_signature(signature)
        name = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
        path = self._path(name)
        if not path.exists():
            # Whole or not at all: who is killed in the middle leaves another name.
            draft = path.with_suffix(".draft")
            draft.write_text(text)
            draft.replace(path)
        if len(self._written) >= _MOST:
            self._written.clear()
        self._written[id(signature)] = (signature, name)
        return name

    def find(self, name: str) -> Signature:
        """Undeclared for one that cannot be read: its predictions are told all the same, without names of columns."""
        known = self._read.get(name)
        if known is not None:
            return known
        try:
            found = load_signature(self._path(name).read_text())
        except Exception as error:  # noqa: BLE001 -- a damaged file of whatever kind costs names, not predictions
            _log.error("a signature cannot be read", kind=type(error).__name__, signature=name)
            found = UNDECLARED
        if len(self._read) >= _MOST:
            self._read.clear()
        self._read[name] = found
        return found

    def clear(self) -> None:
        """Delete all. At the start, when no record names one."""
        for path in self._folder.iterdir():
            path.unlink()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
