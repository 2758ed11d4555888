"""What services hold, asked of each by the gateway itself."""

from collections.abc import Mapping
from typing import Final

from forgepoint.platform.v1 import growth_pb2 as pb
from forgepoint.platform.v1.growth_pb2_grpc import GrowthServiceStub
from fp_kernel import Error
from fp_rpc import Channels

_SECONDS: Final = 2.0
# One of several replicas knows the tables, and each has its turn to be asked; right after a start nobody has measured.
_QUESTIONS: Final = 32


class Growths:
    """addresses: noun -> host:port."""

    def __init__(self, channels: Channels, addresses: Mapping[str, str]) -> None:
        self._stubs = {
            noun: GrowthServiceStub(channels.open(address, timeout=_SECONDS, peer=noun))
            for noun, address in addresses.items()
        }

    async def of(self, noun: str) -> pb.ServiceGrowth:
        """What the service says; one that does not answer, or is a build behind, has told nothing."""
        found = pb.ServiceGrowth()
        for _ in range(_QUESTIONS):
            try:
                found = (await self._stubs[noun].TellGrowth(pb.TellGrowthRequest())).growth
            except Error:
                # Of those that answered before, none knew the tables either.
                break
            if not found.measured_elsewhere:
                break
        found.name = noun
        return found
