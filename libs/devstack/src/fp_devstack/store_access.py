"""What one service may do at the stores; a store refuses it everything else."""

from collections.abc import Mapping
from dataclasses import dataclass

# What every client of Redis says of itself and asks before it does anything.
_EVERY_CLIENT = ("ping", "client|setinfo", "client|setname")


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """keys, channels: patterns of Redis. commands: as its ACL writes them, those of scripts included."""

    keys: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Of an ACL user, which has neither password nor rights before."""
        keys, channels = (f"~{key}" for key in self.keys), (f"&{channel}" for channel in self.channels)
        commands = (f"+{command}" for command in (*_EVERY_CLIENT, *self.commands))
        return ("resetkeys", "resetchannels", "-@all", *keys, *channels, *commands)


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Of one service. redis: None when it has no user there."""

    redis: RedisAccess | None = None


Accesses = Mapping[str, StoreAccess]
"""By the noun of the service."""
