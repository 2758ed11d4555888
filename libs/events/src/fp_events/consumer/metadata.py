"""Where a message stands, as the subject of its acknowledgement says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fp_kernel.times import utc
from nats.aio.msg import Msg

_NANOSECONDS: Final = 1_000_000_000
_SHORT: Final = 9  # tokens without the domain of the server and the hash of the account


@dataclass(frozen=True, slots=True)
class Metadata:
    """delivery: how often it was delivered. sequence: in its stream. consumer_sequence: counts what the consumer got.

    nanoseconds: when the server stored it, since 1970. left: messages for the consumer behind it, as the server saw it.
    """

    stream: str
    delivery: int
    sequence: int
    consumer_sequence: int
    nanoseconds: int
    left: int

    @property
    def time(self) -> datetime:
        return utc(*divmod(self.nanoseconds, _NANOSECONDS))


def metadata_of(message: Msg) -> Metadata:
    # $JS.ACK[.<domain>.<account>].<stream>.<consumer>.<delivery>.<sequence>.<consumer sequence>.<time>.<left>[.<token>]
    fields = message.reply.split(".")
    stream, _, delivery, sequence, consumer_sequence, time, left = (
        fields[2:9] if len(fields) == _SHORT else fields[4:11]
    )
    return Metadata(stream, int(delivery), int(sequence), int(consumer_sequence), int(time), int(left))
