"""Forms that another site cannot send (double submit, OWASP CSRF cheat sheet), and where a page may lead."""

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fp_kernel import PermissionDenied, invalid
from starlette.requests import Request
from starlette.responses import Response

from fp_gateway.callers import PUBLIC_BODY
from fp_gateway.http.bind import PUBLIC_SECONDS, read_body
from fp_gateway.http.pages.html import hidden
from fp_gateway.http.session import cookie_name

_FIELD: Final = "form_token"
_MOST_FIELDS: Final = 20
_LIFE: Final = 3_600
# Pages that people are led to after they signed in; nothing else is ever an address to go to.
_NEXT: Final = re.compile(r"/login/(device|program)(\?[A-Za-z0-9._~%=&+-]{0,1900})?")
_DONE: Final = "/login/done"


class Forms:
    """secure: whether browsers may send the cookie over HTTPS only."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._cookie = cookie_name("fp_form", secure=secure)

    def token(self, request: Request) -> str:
        """The one that the browser has, so that two open pages both work, or a new one."""
        known = request.cookies.get(self._cookie, "")
        return known if re.fullmatch(r"[A-Za-z0-9_-]{32}", known) else secrets.token_urlsafe(24)

    def guarded(self, response: Response, token: str) -> Response:
        response.set_cookie(
            self._cookie, token, max_age=_LIFE, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
        return response

    async def read(self, request: Request) -> Mapping[str, str]:
        """The fields of a form of our own. Raises PermissionDenied, InvalidArgument."""
        fields = await read_form(request)
        sent, expected = fields.get(_FIELD, ""), request.cookies.get(self._cookie, "")
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if foreign or not expected or not secrets.compare_digest(sent.encode(), expected.encode()):
            raise PermissionDenied("the form is too old or not ours; open the page again", reason="CSRF")
        return fields


def token_field(token: str) -> str:
    return hidden(_FIELD, token)


async def read_form(request: Request) -> Mapping[str, str]:
    """Raises InvalidArgument, ResourceExhausted for more than 8 KiB."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise invalid("content-type", "must be application/x-www-form-urlencoded")
    body = await read_body(request, PUBLIC_BODY, PUBLIC_SECONDS)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (ValueError, UnicodeDecodeError):
        raise invalid("body", "is not a form") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise invalid("body", "has a field more than once")
    return fields


def next_path(wanted: str) -> str:
    """Where to go after signing in: a page of ours, whatever was asked."""
    return wanted if _NEXT.fullmatch(wanted) else _DONE
