"""Ports of the use-cases about second factors, beside `ports`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fp_kernel.key_encryption import WrappedKey

from fp_auth.domain.second_factors import SecondFactor


class Passcodes(Protocol):
    """RFC 6238 with SHA-1, six digits and 30 seconds: what every app can."""

    def code(self, secret: bytes, step: int) -> str: ...

    def uri(self, secret: bytes, account: str) -> str:
        """`otpauth://...`, which apps read from a QR code."""
        ...


class SecondFactorReads(Protocol):
    async def find(self, user_id: str) -> SecondFactor | None:
        """Also one that nobody has confirmed."""
        ...

    async def wrapped_by_others(self, key_id: str, after: str, limit: int) -> Sequence[SecondFactor]:
        """Those whose data key another key wrapped, in the order of their users."""
        ...


class SecondFactors(Protocol):
    async def begin(self, factor: SecondFactor) -> bool:
        """In place of one that nobody confirmed; False when one is turned on."""
        ...

    async def confirm(self, user_id: str, factor_id: str, step: int, now: datetime) -> bool:
        """False when it was confirmed or begun again meanwhile."""
        ...

    async def turned_on(self, user_id: str) -> bool: ...

    async def use_step(self, user_id: str, factor_id: str, step: int) -> bool:
        """False when the step is over: of two uses at once one wins."""
        ...

    async def use_recovery_code(self, user_id: str, code_hash: bytes, now: datetime) -> bool:
        """False when it was used before."""
        ...

    async def replace_recovery_codes(self, user_id: str, hashes: Sequence[bytes]) -> None: ...

    async def remove(self, user_id: str) -> bool:
        """With its recovery codes. False when there is none that is turned on."""
        ...

    async def replace_key(self, factor: SecondFactor, wrapped: WrappedKey) -> None:
        """Unless it is another one by now."""
        ...
