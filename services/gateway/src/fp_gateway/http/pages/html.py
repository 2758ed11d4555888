"""Answers in HTML: no script, no content of others, never in a frame, never stored."""

from collections.abc import Awaitable, Callable
from html import escape
from importlib import resources
from typing import Final

from fp_kernel import Error, Internal
from fp_rpc.errors import to_problem
from fp_telemetry import get_logger
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

_STYLE: Final = (resources.files("fp_gateway.http.pages") / "style.css").read_bytes()
_log = get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def page(title: str, body: str, *, status: int = 200, forms_to: str = "") -> HTMLResponse:
    """body: HTML, whose texts are escaped already. forms_to: where the answer of a form may lead besides here."""
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Forgepoint</title>"
        '<link rel="stylesheet" href="/login/style.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    policy = f"default-src 'none'; style-src 'self'; form-action 'self' {forms_to}".rstrip()
    headers = _headers() | {"content-security-policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'"}
    return HTMLResponse(document, status, headers)


def redirect(path: str) -> RedirectResponse:
    """The browser asks again by GET."""
    return RedirectResponse(path, 303, _headers())


def error_page(error: Error) -> HTMLResponse:
    retry = "<p>Try again in a moment.</p>" if error.retry_after is not None else ""
    body = f'{alert(error.message)}{retry}<p><a href="/login">Sign in</a></p>'
    return page("That did not work", body, status=to_problem(error)["status"])


def alert(text: str) -> str:
    """Read out at once by screen readers."""
    return f'<p class="error" role="alert">{escape(text)}</p>'


def field(name: str, label: str, value: str = "", *, kind: str = "text", complete: str = "off", most: int = 254) -> str:
    """A required input with its label."""
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" autocomplete="{complete}" '
        f'maxlength="{most}" required>'
    )


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def with_pages(handler: Handler) -> Handler:
    """Turn what a handler raises into a page; the cause of an unknown failure goes to the log alone."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Error as error:
            return error_page(error)
        except Exception:  # noqa: BLE001 -- the last place before the caller
            _log.exception("a page failed", path=request.url.path)
            return error_page(Internal("internal error"))

    return answer


async def style(_: Request) -> Response:
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return Response(_STYLE, media_type="text/css", headers=headers)


def _headers() -> dict[str, str]:
    return {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        # Not no-referrer: browsers would then hide the origin of our own forms.
        "referrer-policy": "same-origin",
    }
