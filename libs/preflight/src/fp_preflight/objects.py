"""The object store, asked with a service's own key."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from fp_kernel import Error
from fp_s3 import Location, ObjectStore
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from fp_preflight.reasons import reason

_NAME: Final = "preflight"
_SECONDS: Final = 5.0


async def ask(location: Location, prefixes: Sequence[str]) -> list[str]:
    """Faults: whether the bucket is there, and below each prefix an object can be written, read and deleted."""
    place = f"the bucket {location.bucket} at {location.endpoint}"
    store = ObjectStore(location)
    try:
        await store.ping()
        for prefix in prefixes:
            key = f"{prefix}{_NAME}"
            await store.put(key, b"")
            if await store.find(key) is None:
                return [f"{place}: what was written to {prefix} is not there"]
            await store.delete([key])
    except Error as error:
        return [f"{place}: {error.message if error.__cause__ is None else reason(error)}"]
    finally:
        await store.close()
    return []


async def now(endpoint: str, authorities: Path | None) -> datetime | None:
    """The store's time, to the second; None where it does not say."""
    pool = PoolManager(
        timeout=Timeout(_SECONDS),
        retries=Retry(0),
        cert_reqs="CERT_REQUIRED",
        ca_certs=str(authorities) if authorities else None,
    )
    try:
        answer = await asyncio.to_thread(lambda: pool.request("HEAD", endpoint, redirect=False))
    except HTTPError:
        return None
    finally:
        pool.clear()
    told = answer.headers.get("date")
    return parsedate_to_datetime(told) if told else None
