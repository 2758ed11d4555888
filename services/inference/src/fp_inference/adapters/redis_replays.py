"""Answers of commands, for 24 hours."""

from collections.abc import Sequence
from typing import Any

from fp_inference.adapters.redis_link import RedisLink
from fp_inference.app.values import Replay

_PREFIX = "fp:inference:replay:"
_SECONDS = 24 * 3_600
_FINGERPRINT = 32


class RedisReplays:
    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        kept = await self._link.call(lambda redis: redis.mget([_key(digest) for digest in digests]))
        return [
            Replay(digest, value[:_FINGERPRINT], value[_FINGERPRINT:])
            for digest, value in zip(digests, kept, strict=True)
            if value
        ]

    async def put(self, replays: Sequence[Replay]) -> None:
        async def put(redis: Any) -> None:
            async with redis.pipeline(transaction=False) as pipe:
                for replay in replays:
                    pipe.set(_key(replay.digest), replay.fingerprint + replay.response, nx=True, ex=_SECONDS)
                await pipe.execute()

        await self._link.call(put)


def _key(digest: bytes) -> str:
    return _PREFIX + digest.hex()
