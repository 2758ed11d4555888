"""Sign-in of people: by password, and by the providers that auth knows."""

from html import escape
from typing import Any, Final
from urllib.parse import quote

from forgepoint.auth.v1 import auth_pb2, sign_in_pb2
from fp_kernel import Error, Unauthenticated
from fp_rpc.errors import to_problem
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import route_table, session
from fp_gateway.http.pages.forms import Forms, next_path, token_field
from fp_gateway.http.pages.html import alert, error_page, field, hidden, page, redirect, style, with_pages
from fp_gateway.http.rpc_client import RpcClient

_PAGE_COOKIE: Final = "fp_page"
# Seconds; the token in it may end before, and then people sign in again.
_PAGE_LIFE: Final = 900
_FLOW_COOKIE: Final = "fp_sso"
_PAGE_PATH: Final = "/login"
_FLOW_PATH: Final = "/login/sso"
_FLOW_LIFE: Final = 600
_CODE_REQUIRED: Final = "SECOND_FACTOR_REQUIRED"
# The next code may be right.
_SAME_STEP: Final = (_CODE_REQUIRED, "SECOND_FACTOR_WRONG", "LOGIN_LOCKED")


class SignInPages:
    def __init__(self, rpc: RpcClient, forms: Forms, *, secure: bool) -> None:
        self._rpc = rpc
        self._forms = forms
        self._secure = secure
        self._flow_cookie = session.cookie_name(_FLOW_COOKIE, secure=secure)
        self._flow_path = session.cookie_path(_FLOW_PATH, secure=secure)

    def routes(self) -> list[BaseRoute]:
        handlers = (
            ("/login", self.show, "GET"),
            ("/login", self.password, "POST"),
            ("/login/code", self.code, "POST"),
            ("/login/done", self.done, "GET"),
            ("/login/sso/callback", self.callback, "GET"),
            ("/login/sso/{issuer}", self.begin, "GET"),
        )
        routes = [HttpRoute(path, with_pages(handler), methods=[verb]) for path, handler, verb in handlers]
        return [HttpRoute("/login/style.css", style), *routes]

    async def show(self, request: Request) -> Response:
        return await self._form(request, next_path(request.query_params.get("next", "")))

    async def password(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        wanted, email = next_path(fields.get("next", "")), fields.get("email", "")
        message = auth_pb2.LoginRequest(email=email, password=fields.get("password", ""))
        try:
            answer, _ = await self._rpc.unary(route_table.LOGIN, message, request)
        except Error as error:
            if error.reason == _CODE_REQUIRED and (proof := error.metadata.get("password_proof")):
                return self._code_form(request, wanted, proof)
            return await self._form(request, wanted, email=email, error=error)
        return self._signed_in(answer, wanted)

    async def code(self, request: Request) -> Response:
        """The second step, of who has a second factor."""
        fields = await self._forms.read(request)
        wanted, proof = next_path(fields.get("next", "")), fields.get("password_proof", "")
        message = auth_pb2.LoginRequest(password_proof=proof, totp_code=fields.get("code", ""))
        try:
            answer, _ = await self._rpc.unary(route_table.LOGIN, message, request)
        except Error as error:
            if error.reason in _SAME_STEP:
                return self._code_form(request, wanted, proof, error=error)
            return await self._form(request, wanted, error=error)
        return self._signed_in(answer, wanted)

    async def begin(self, request: Request) -> Response:
        message = sign_in_pb2.BeginSignInRequest(
            name=request.path_params["issuer"], return_to=next_path(request.query_params.get("next", ""))
        )
        answer: Any = (await self._rpc.unary(route_table.BEGIN_SIGN_IN, message, request))[0]
        response = redirect(answer.authorization_url)
        # Lax: the provider's answer is a navigation from another site.
        response.set_cookie(
            self._flow_cookie,
            answer.flow,
            max_age=_FLOW_LIFE,
            path=self._flow_path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def callback(self, request: Request) -> Response:
        said = request.query_params
        message = sign_in_pb2.CompleteSignInRequest(
            flow=request.cookies.get(self._flow_cookie, ""),
            state=said.get("state", ""),
            code=said.get("code", ""),
            issuer=said.get("iss", ""),
            error=said.get("error", ""),
        )
        try:
            if not message.flow:
                raise Unauthenticated("there is no sign-in under way in this browser; begin again", reason="NO_FLOW")
            answer: Any = (await self._rpc.unary(route_table.COMPLETE_SIGN_IN, message, request))[0]
            response = self._signed_in(answer.session, next_path(answer.return_to))
        except Error as error:
            response = error_page(error)
        response.delete_cookie(self._flow_cookie, path=self._flow_path, secure=self._secure)
        return response

    async def done(self, request: Request) -> Response:
        who = await signed_in_as(self._rpc, request, secure=self._secure)
        if who is None:
            return redirect("/login")
        return page("You are signed in", f"<p>{who}</p><p>You can close this page.</p>")

    async def _form(self, request: Request, wanted: str, *, email: str = "", error: Error | None = None) -> Response:
        token = self._forms.token(request)
        issuers: Any = (
            await self._rpc.unary(route_table.SIGN_IN_ISSUERS, sign_in_pb2.ListSignInIssuersRequest(), request)
        )[0]
        links = "".join(
            f'<a class="button" href="/login/sso/{quote(each.name)}?next={quote(wanted, safe="")}">'
            f"Sign in with {escape(each.title)}</a>"
            for each in issuers.issuers
        )
        body = (
            f"{alert(error.message) if error else ''}{links}"
            f'<form method="post" action="/login">{token_field(token)}{hidden("next", wanted)}'
            f"{field('email', 'E-mail address', email, kind='email', complete='username')}"
            f"{field('password', 'Password', kind='password', complete='current-password', most=1_000)}"
            '<button class="main" type="submit">Sign in</button></form>'
            '<p><a href="/forgot-password">Forgot your password?</a></p>'
        )
        status = to_problem(error)["status"] if error else 200
        return self._forms.guarded(page("Sign in", body, status=status), token)

    def _code_form(self, request: Request, wanted: str, proof: str, *, error: Error | None = None) -> Response:
        """proof: that the password was right; the password itself is in no page."""
        token = self._forms.token(request)
        body = (
            f"{alert(error.message) if error else ''}"
            f'<form method="post" action="/login/code">{token_field(token)}{hidden("next", wanted)}'
            f"{hidden('password_proof', proof)}"
            f"{field('code', 'Code of your authenticator app, or a recovery code', complete='one-time-code', most=64)}"
            '<button class="main" type="submit">Sign in</button></form>'
            '<p><a href="/login">Begin again</a></p>'
        )
        status = to_problem(error)["status"] if error else 200
        return self._forms.guarded(page("Give your code", body, status=status), token)

    def _signed_in(self, answer: Any, wanted: str) -> Response:
        response = redirect(wanted)
        session.set_cookies(response, answer, secure=self._secure)
        # Lax: after a sign-in at a provider the next page is still part of a navigation from there.
        response.set_cookie(
            session.cookie_name(_PAGE_COOKIE, secure=self._secure),
            answer.access_token,
            max_age=_PAGE_LIFE,
            path=session.cookie_path(_PAGE_PATH, secure=self._secure),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return response


def page_token(request: Request, *, secure: bool) -> str:
    """The token of who signed in in this browser; empty when nobody did."""
    return request.cookies.get(session.cookie_name(_PAGE_COOKIE, secure=secure), "")


async def signed_in_as(rpc: RpcClient, request: Request, *, secure: bool) -> str | None:
    """Who uses this browser, as HTML; None when nobody is signed in."""
    bearer = page_token(request, secure=secure)
    if not bearer:
        return None
    try:
        answer: Any = (await rpc.unary(route_table.WHO, auth_pb2.GetCurrentUserRequest(), request, bearer=bearer))[0]
    except Unauthenticated:
        return None
    claims = answer.claims
    return f"{escape(claims.email)}, {escape(claims.role)} of team {escape(claims.team)}"
