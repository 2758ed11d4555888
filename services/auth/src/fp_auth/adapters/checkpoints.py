"""Checkpoints of the audit log as objects `audit/<day>/<number>.json`."""

import hmac
import json
from datetime import date
from typing import Any

from fp_s3 import ObjectStore

from fp_auth.domain.audit import OBJECTS, Chain, Checkpoint

_LIMIT = 4_096  # bytes of one


class ObjectCheckpoints:
    def __init__(self, objects: ObjectStore, chain: Chain) -> None:
        self._objects = objects
        self._chain = chain

    async def put(self, checkpoint: Checkpoint) -> None:
        document = {
            "day": checkpoint.day.isoformat(),
            "number": checkpoint.number,
            "mac": checkpoint.mac.hex(),
            "signature": self._chain.sign(checkpoint).hex(),
        }
        await self._objects.put(checkpoint.key, json.dumps(document).encode(), content_type="application/json")

    async def of(self, first: date, last: date) -> list[Checkpoint]:
        found = []
        for key in await self._objects.list(OBJECTS):
            day = _day(key)
            if day is None or not first <= day <= last:
                continue
            content = await self._objects.get(key, limit=_LIMIT)
            checkpoint = None if content is None else self._read(content)
            if checkpoint is not None:
                found.append(checkpoint)
        return sorted(found, key=lambda checkpoint: (checkpoint.day, checkpoint.number))

    async def drop_before(self, day: date) -> int:
        old = [key for key in await self._objects.list(OBJECTS) if (of := _day(key)) is not None and of < day]
        await self._objects.delete(old)
        return len(old)

    def _read(self, content: bytes) -> Checkpoint | None:
        """None for what nobody who has the key has signed."""
        try:
            document: dict[str, Any] = json.loads(content)
            checkpoint = Checkpoint(
                date.fromisoformat(document["day"]), int(document["number"]), bytes.fromhex(document["mac"])
            )
            signature = bytes.fromhex(document["signature"])
        except (ValueError, KeyError, TypeError):
            return None
        return checkpoint if hmac.compare_digest(self._chain.sign(checkpoint), signature) else None


def _day(key: str) -> date | None:
    try:
        return date.fromisoformat(key.removeprefix(OBJECTS).partition("/")[0])
    except ValueError:
        return None
