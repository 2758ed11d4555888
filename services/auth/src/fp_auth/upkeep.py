"""What every replica does from time to time; locks in the database make two at once harmless."""

from dataclasses import dataclass

from fp_telemetry import get_logger

from fp_auth.adapters.keyring import Keyring
from fp_auth.app.rotate_signing_keys import RotateSigningKeys

RELOAD_EVERY = 30.0
"""Seconds; a replica signs with a key that another one retired for so long at most."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyUpkeep:
    rotate: RotateSigningKeys
    keyring: Keyring

    async def once(self) -> None:
        if await self.rotate():
            _log.info("signing keys changed")
        await self.keyring.reload()
