"""Consent: a person lets a program sign in as him."""

from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from forgepoint.auth.v1 import sign_in_pb2 as pb
from fp_kernel import Internal
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import route_table
from fp_gateway.http.pages.forms import Forms, token_field
from fp_gateway.http.pages.html import field, hidden, page, redirect, with_pages
from fp_gateway.http.pages.sign_in import page_token, signed_in_as
from fp_gateway.http.rpc_client import RpcClient

_LOOPBACK = "http://127.0.0.1:"


class ProgramPages:
    def __init__(self, rpc: RpcClient, forms: Forms, *, secure: bool) -> None:
        self._rpc = rpc
        self._forms = forms
        self._secure = secure

    def routes(self) -> list[BaseRoute]:
        handlers = (
            ("/login/device", self.device, "GET"),
            ("/login/device", self.decide_device, "POST"),
            ("/login/program", self.program, "GET"),
            ("/login/program", self.decide_program, "POST"),
        )
        return [HttpRoute(path, with_pages(handler), methods=[verb]) for path, handler, verb in handlers]

    async def device(self, request: Request) -> Response:
        code = request.query_params.get("user_code", "")
        if not code:
            body = (
                '<form method="get" action="/login/device">'
                f"{field('user_code', 'Code that the program shows', most=20)}"
                '<button class="main" type="submit">Go on</button></form>'
            )
            return page("Let a program sign in", body)
        return await self._consent(request, "/login/device", "user_code", code)

    async def program(self, request: Request) -> Response:
        return await self._consent(request, "/login/program", "request", request.query_params.get("request", ""))

    async def decide_device(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        allow = fields.get("allow") == "yes"
        message = pb.DecideProgramSignInRequest(user_code=fields.get("user_code", ""), allow=allow)
        await self._decide(request, message)
        said = "The program is signed in." if allow else "The program was refused."
        return page("Done", f"<p>{said} You can close this page.</p>")

    async def decide_program(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        message = pb.DecideProgramSignInRequest(request=fields.get("request", ""), allow=fields.get("allow") == "yes")
        answer = await self._decide(request, message)
        if not answer.redirect_url.startswith(_LOOPBACK):
            raise Internal("internal error")
        return redirect(answer.redirect_url)

    async def _decide(self, request: Request, message: pb.DecideProgramSignInRequest) -> Any:
        bearer = page_token(request, secure=self._secure)
        return (await self._rpc.unary(route_table.DECIDE_PROGRAM, message, request, bearer=bearer))[0]

    async def _consent(self, request: Request, path: str, name: str, value: str) -> Response:
        who = await signed_in_as(self._rpc, request, secure=self._secure)
        if who is None:
            wanted = f"{path}?{urlencode({name: value})}"
            return redirect(f"/login?next={quote(wanted, safe='')}")
        bearer, token = page_token(request, secure=self._secure), self._forms.token(request)
        message = pb.GetProgramSignInRequest(**{name: value})
        found: Any = (await self._rpc.unary(route_table.PROGRAM, message, request, bearer=bearer))[0]
        check = (
            f"<p>Does it show this code?</p><p><code>{escape(found.user_code)}</code></p>"
            "<p>If you did not start it, or somebody sent you the code, refuse.</p>"
            if found.user_code
            else "<p>It runs on this computer. If you did not start it, refuse.</p>"
        )
        body = (
            f"<p><strong>{escape(found.program or 'A program')}</strong> wants to act as {who}.</p>{check}"
            f'<form method="post" action="{path}">{token_field(token)}{hidden(name, value)}'
            '<button class="main" type="submit" name="allow" value="yes">Allow</button>'
            '<button type="submit" name="allow" value="no">Refuse</button></form>'
        )
        # Browsers hold the answer of a form to this policy too, so that the loopback must be named.
        forms_to = f"{_LOOPBACK}{found.port}" if found.port else ""
        return self._forms.guarded(page("Let a program sign in", body, forms_to=forms_to), token)
