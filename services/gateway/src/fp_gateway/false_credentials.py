"""Where no edge counts false credentials, the gateway does it by the same rule (ADR 0212)."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from fp_kernel import Error, ResourceExhausted
from fp_kernel.addresses import counted_address
from fp_kernel.bucket import Bucket, Limit

_RETRY: Final = 1.0
# Of addresses, and of credentials, the ones used last.
_MOST: Final = 8_192
# Characters that nobody guesses: all of an API key's secret, 258 bits of a signature.
_TAIL: Final = 43

V = TypeVar("V")


class FalseCredentials:
    """A credential that is not known takes a token of its client's address, and gives it back when it is judged and not
    refused. One that was accepted takes none, until it is refused: others behind the address of a stranger go on.

    rate, burst: tokens a second and at most. now: seconds.
    """

    def __init__(self, rate: float = 100.0, burst: int = 400, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = Limit(rate, burst)
        self._now = now
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._accepted: OrderedDict[str, None] = OrderedDict()

    def enter(self, address: str, header: str) -> "Claim | None":
        """The token of a call, whose fate `Claim` tells; None for a credential that is known.

        header: the whole of `authorization`. Raises ResourceExhausted.
        """
        credential = header[-_TAIL:]
        if credential in self._accepted:
            self._accepted.move_to_end(credential)
            return None
        bucket = self._bucket(counted_address(address))
        if bucket.pay(1, self._now()):
            raise _held_back()
        return Claim(self, bucket, credential)

    def refused(self, address: str, header: str) -> None:
        """What was known is worth nothing any more, or only its end is that of a good one."""
        self._accepted.pop(header[-_TAIL:], None)
        self._bucket(counted_address(address)).add(-1, self._now())

    def give_back(self, bucket: Bucket) -> None:
        bucket.add(1, self._now())

    def accept(self, credential: str) -> None:
        _keep(self._accepted, credential, None)

    def _bucket(self, owner: str) -> Bucket:
        bucket = self._buckets.get(owner)
        if bucket is None:
            return _keep(self._buckets, owner, Bucket(self._limit, self._now()))
        self._buckets.move_to_end(owner)
        return bucket


@dataclass(frozen=True, slots=True)
class Claim:
    """A token that a call took. Whoever gives up before he is judged does not get it back."""

    _of: FalseCredentials
    _bucket: Bucket
    _credential: str

    def accepted(self) -> None:
        self.unjudged()
        self._of.accept(self._credential)

    def unjudged(self) -> None:
        """Nobody could tell; that is not the caller's fault."""
        self._of.give_back(self._bucket)


def _keep(cache: OrderedDict[str, V], key: str, value: V) -> V:
    cache[key] = value
    if len(cache) > _MOST:
        cache.popitem(last=False)
    return value


def _held_back() -> Error:
    return ResourceExhausted(
        "too many refused credentials", reason="TOO_MANY_CALLS", retry_after=_RETRY, metadata={"quota": "credentials"}
    )
