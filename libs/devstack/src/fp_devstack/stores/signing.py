"""AWS signature version 4 for the few requests the stack itself makes to its object store."""

import hashlib
import hmac
import http.client
from datetime import UTC, datetime

from fp_supervisor.loopback import HOST

from fp_devstack.stores.wire import unverified

_REGION = "us-east-1"
_TIMEOUT_SECONDS = 3.0


def request(
    port: int, method: str, path: str, credentials: tuple[str, str], body: bytes = b"", *, tls: bool = False
) -> int:
    """The status of a signed S3 request; `path` needs no escaping. tls: with whatever certificate.

    Raises OSError or http.client.HTTPException when the server does not answer.
    """
    host = f"{HOST}:{port}"
    connection = (
        http.client.HTTPSConnection(HOST, port, timeout=_TIMEOUT_SECONDS, context=unverified())
        if tls
        else http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    )
    try:
        headers = _headers(method, host, path, credentials, body)
        connection.request(method, path, body=body or None, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _headers(method: str, host: str, path: str, credentials: tuple[str, str], body: bytes) -> dict[str, str]:
    now = datetime.now(UTC)
    access, secret = credentials
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = "\n".join(
        (method, path, "", f"host:{host}", f"x-amz-content-sha256:{digest}", f"x-amz-date:{stamp}", "", names, digest)
    )
    scope = f"{day}/{_REGION}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (day, _REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {"Host": host, "x-amz-date": stamp, "x-amz-content-sha256": digest, "Authorization": authorization}
