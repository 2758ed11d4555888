"""Where the links of mails lead: another password, a verified address, an account in a team."""

from forgepoint.auth.v1 import invitations_pb2
from forgepoint.auth.v1 import people_pb2 as pb
from fp_kernel import Error
from fp_rpc.errors import to_problem
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import route_table
from fp_gateway.http.pages.forms import Forms, token_field
from fp_gateway.http.pages.html import alert, field, hidden, page, with_pages
from fp_gateway.http.rpc_client import RpcClient


class AccountPages:
    """Opening a link changes nothing, because the scanners of mail servers open it first: only the form does."""

    def __init__(self, rpc: RpcClient, forms: Forms) -> None:
        self._rpc = rpc
        self._forms = forms

    def routes(self) -> list[BaseRoute]:
        handlers = (
            ("/forgot-password", self.forgot, "GET"),
            ("/forgot-password", self.request_reset, "POST"),
            ("/reset-password", self.choose, "GET"),
            ("/reset-password", self.reset, "POST"),
            ("/verify-email", self.confirm, "GET"),
            ("/verify-email", self.verify, "POST"),
            ("/register", self.register, "GET"),
            ("/register", self.request_registration, "POST"),
            ("/accept-invitation", self.join, "GET"),
            ("/accept-invitation", self.accept, "POST"),
        )
        return [HttpRoute(path, with_pages(handler), methods=[verb]) for path, handler, verb in handlers]

    async def forgot(self, request: Request) -> Response:
        inputs = field("email", "E-mail address", kind="email", complete="username")
        return self._form(request, "Forgot your password?", "/forgot-password", inputs, "Send a link")

    async def request_reset(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        message = pb.RequestPasswordResetRequest(email=fields.get("email", ""))
        await self._rpc.unary(route_table.REQUEST_RESET, message, request)
        # The same words whoever asked for whom: they must not show who has an account.
        return page("Look into your mail", "<p>If there is such an account, a link is under way to its address.</p>")

    async def choose(self, request: Request) -> Response:
        return self._password_form(request, request.query_params.get("token", ""))

    async def reset(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        link = fields.get("token", "")
        message = pb.CompletePasswordResetRequest(token=link, new_password=fields.get("password", ""))
        try:
            await self._rpc.unary(route_table.COMPLETE_RESET, message, request)
        except Error as error:
            return self._password_form(request, link, error=error)
        return page("Your password is changed", '<p>Your sessions ended.</p><p><a href="/login">Sign in</a></p>')

    async def confirm(self, request: Request) -> Response:
        inputs = hidden("token", request.query_params.get("token", ""))
        return self._form(request, "Is this your address?", "/verify-email", inputs, "Yes, it is mine")

    async def verify(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        message = pb.VerifyEmailRequest(token=fields.get("token", ""))
        await self._rpc.unary(route_table.VERIFY_EMAIL, message, request)
        return page("Your address is verified", "<p>You can close this page.</p>")

    async def register(self, request: Request) -> Response:
        inputs = field("email", "E-mail address", kind="email", complete="email")
        return self._form(request, "Ask for an account", "/register", inputs, "Send a link")

    async def request_registration(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        message = invitations_pb2.RequestRegistrationRequest(email=fields.get("email", ""))
        await self._rpc.unary(route_table.REGISTER, message, request)
        # The same words whoever asked: they must not show who has an account.
        return page("Look into your mail", "<p>A mail to that address says how to go on.</p>")

    async def join(self, request: Request) -> Response:
        return self._join_form(request, request.query_params.get("token", ""))

    async def accept(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        link, name = fields.get("token", ""), fields.get("name", "")
        message = invitations_pb2.AcceptInvitationRequest(token=link, name=name, password=fields.get("password", ""))
        try:
            await self._rpc.unary(route_table.ACCEPT_INVITATION, message, request)
        except Error as error:
            return self._join_form(request, link, name=name, error=error)
        return page("Welcome", '<p>Your account is made.</p><p><a href="/login">Sign in</a></p>')

    def _join_form(self, request: Request, link: str, *, name: str = "", error: Error | None = None) -> Response:
        inputs = (
            hidden("token", link)
            + field("name", "Your name", name, complete="name", most=100)
            + field("password", "Choose a password", kind="password", complete="new-password", most=1_000)
        )
        return self._form(request, "Join Forgepoint", "/accept-invitation", inputs, "Make my account", error=error)

    def _password_form(self, request: Request, link: str, *, error: Error | None = None) -> Response:
        inputs = hidden("token", link) + field(
            "password", "New password", kind="password", complete="new-password", most=1_000
        )
        return self._form(request, "Choose a new password", "/reset-password", inputs, "Change it", error=error)

    def _form(  # the parts of one page
        self, request: Request, title: str, path: str, inputs: str, button: str, *, error: Error | None = None
    ) -> Response:
        token = self._forms.token(request)
        body = (
            f"{alert(error.message) if error else ''}"
            f'<form method="post" action="{path}">{token_field(token)}{inputs}'
            f'<button class="main" type="submit">{button}</button></form>'
        )
        return self._forms.guarded(page(title, body, status=to_problem(error)["status"] if error else 200), token)
