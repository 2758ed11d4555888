"""Reading an object from a presigned URL."""

import asyncio
import hashlib
import http.client
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from fp_kernel import Unavailable
from fp_rpc.tls.trust import https_context

from fp_serving.domain.lifecycle import LoadFailed

_SILENCE = 10.0
_CHUNK = 256 * 1024
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


async def download(url: str, target: Path, *, limit: int, ca_file: Path | None = None) -> str:
    """Write the object to `target`; answers its SHA-256 in hex.

    limit: bytes. ca_file: of an authority to trust beside those of the system.
    Raises LoadFailed when it is larger or gone, Unavailable when it cannot be had now.
    """
    if not url.startswith(("http://", "https://")):
        raise LoadFailed("the registry gave no http address for the artifact")
    cancelled = threading.Event()
    try:
        return await asyncio.to_thread(_download, url, target, limit, ca_file, cancelled)
    finally:
        cancelled.set()


def _download(url: str, target: Path, limit: int, ca_file: Path | None, cancelled: threading.Event) -> str:
    try:
        # To the address itself, whatever proxies the environment names.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=https_context(ca_file))
        )
        with (
            opener.open(url, timeout=_SILENCE) as response,
            target.open("wb") as file,
        ):
            measured, size = hashlib.sha256(), 0
            while chunk := response.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    raise LoadFailed(f"artifact has more than {limit} bytes")
                if cancelled.is_set():
                    raise Unavailable("the download was given up")
                measured.update(chunk)
                file.write(chunk)
            if size != int(response.headers.get("content-length", size)):
                raise Unavailable("the object store stopped in the middle")
            return measured.hexdigest()
    except urllib.error.HTTPError as error:
        if error.code in _GONE:
            raise LoadFailed("the artifact is gone from the object store") from None
        raise Unavailable(f"the object store answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"the object store cannot be reached: {type(error).__name__}") from None
