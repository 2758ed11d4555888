"""The breakers of each process in Redis, which expire when it no longer writes them."""

import json
from collections.abc import Sequence
from datetime import datetime

from fp_redis import RedisClient, Script

from fp_inference.domain.breaker import State
from fp_inference.domain.circuit import Circuit

_REPLICAS = "fp:inference:replicas"
_PREFIX = "fp:inference:circuits:"
# A few tellings may get lost; what a process that died had said is gone soon after.
_AGE_MS = 5_000

# KEYS: what this replica says, replicas by the time they last spoke. ARGV: replica, body, milliseconds.
_PUBLISH = Script("""
local now = tonumber(redis.call('TIME')[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60)
return 1
""")


class RedisCircuits:
    def __init__(self, link: RedisClient, replica: str) -> None:
        """replica: name of this process among the others."""
        self._link = link
        self._replica = replica

    async def publish(self, circuits: Sequence[Circuit]) -> None:
        arguments = [self._replica, json.dumps([_dump(circuit) for circuit in circuits]), _AGE_MS]
        await self._link.run(_PUBLISH, ([_PREFIX + self._replica, _REPLICAS], arguments))

    async def published(self) -> Sequence[Circuit]:
        (names,) = await self._link.ask(("ZRANGE", _REPLICAS, 0, -1))
        others = [_PREFIX + name.decode() for name in names if name.decode() != self._replica]
        if not others:
            return ()
        (said,) = await self._link.ask(("MGET", *others))
        return [_load(stored) for text in said if text is not None for stored in json.loads(text)]


def _dump(circuit: Circuit) -> list[object]:
    at = circuit.changed_at.isoformat() if circuit.changed_at else None
    return [circuit.version_id, circuit.endpoint, circuit.state, circuit.failures, at]


def _load(stored: Sequence[object]) -> Circuit:
    version_id, endpoint, state, failures, at = stored
    changed_at = datetime.fromisoformat(str(at)) if at is not None else None
    return Circuit(str(version_id), str(endpoint), State(str(state)), int(str(failures)), changed_at)
