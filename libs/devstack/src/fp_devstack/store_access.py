"""What one service may do at the stores; a store refuses it everything else."""

import json
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
class NatsAccess:
    """Subjects that a user may publish to, except some of them, and may subscribe to."""

    publish: tuple[str, ...] = ()
    deny_publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    @property
    def permissions(self) -> str:
        """As the server's configuration has them. An empty list there allows everything; here, nothing."""
        nothing = {"deny": (">",)}
        publish = {"allow": self.publish, **({"deny": self.deny_publish} if self.deny_publish else {})}
        subscribe = {"allow": self.subscribe}
        return json.dumps(
            {"publish": publish if self.publish else nothing, "subscribe": subscribe if self.subscribe else nothing}
        )


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Of one service; None at a store where it has no user. s3_prefixes: of its objects' names."""

    nats: NatsAccess | None = None
    redis: RedisAccess | None = None
    s3_prefixes: tuple[str, ...] | None = None


Accesses = Mapping[str, StoreAccess]
"""By the noun of the service."""
