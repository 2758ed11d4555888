"""Answers of commands, for 24 hours."""

from collections.abc import Sequence

from fp_redis import Link

from fp_inference.app.values import Replay

_PREFIX = "fp:inference:replay:"
_SECONDS = 24 * 3_600
_FINGERPRINT = 32


class RedisReplays:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        (kept,) = await self._link.ask(("MGET", *map(_key, digests)))
        return [
            Replay(digest, value[:_FINGERPRINT], value[_FINGERPRINT:])
            for digest, value in zip(digests, kept, strict=True)
            if value
        ]

    async def put(self, replays: Sequence[Replay]) -> None:
        values = [(_key(replay.digest), replay.fingerprint + replay.response) for replay in replays]
        await self._link.ask(*(("SET", key, value, "NX", "EX", _SECONDS) for key, value in values))


def _key(digest: bytes) -> str:
    return _PREFIX + digest.hex()
