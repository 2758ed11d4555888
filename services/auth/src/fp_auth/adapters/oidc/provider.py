"""The platform as a client of an OpenID Connect provider: authorization code flow with PKCE (RFC 7636)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from fp_kernel import Unauthenticated, Unavailable
from fp_telemetry import get_logger

from fp_auth.adapters.oidc.http import IssuerHttp, RefusedByIssuer
from fp_auth.adapters.oidc.issuer import Issuer
from fp_auth.app.sign_in_ports import Identity
from fp_auth.domain.foreign_tokens import Claims, check_id_token, refused
from fp_auth.domain.sign_in import Flow, challenge_of

_log = get_logger(__name__)


class Provider:
    """`app.sign_in_ports.Provider`.

    wanted: claims that the mapping reads; where the ID token has not all of them, the provider is asked for the rest.
    """

    def __init__(
        self,
        issuer: Issuer,
        http: IssuerHttp,
        *,
        client_id: str,
        client_secret: str,
        scopes: Collection[str],
        wanted: Collection[str],
        redirect_uri: str,
    ) -> None:
        self._issuer = issuer
        self._http = http
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes
        self._wanted = frozenset(wanted)
        self._redirect_uri = redirect_uri

    async def authorization_url(self, flow: Flow) -> str:
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge_of(flow.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = await self._issuer.endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters, quote_via=quote)}"

    async def check_sender(self, issuer: str) -> None:
        """RFC 9207: one provider must not pass for another. Raises Unauthenticated, Unavailable."""
        says_so = (await self._issuer.metadata()).get("authorization_response_iss_parameter_supported") is True
        if issuer != self._issuer.url and (issuer or says_so):
            raise Unauthenticated("the answer comes from another provider; begin again", reason="ISSUER_WRONG")

    async def identity(self, flow: Flow, code: str, now: datetime) -> Identity:
        answer = await self._redeem(flow, code)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise refused("there is none", "TOKEN_INVALID")
        claims = await self._issuer.claims(token)
        subject = check_id_token(claims, issuer=self._issuer.url, client_id=self._client_id, nonce=flow.nonce, now=now)
        if not self._wanted <= claims.keys():
            claims = {**await self._about(subject, answer), **claims}
        return Identity(subject, claims)

    async def _redeem(self, flow: Flow, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": flow.verifier,
        }
        auth = None
        if self._client_secret and await self._takes_basic():
            # Form-encoded first: RFC 6749, section 2.3.1.
            auth = (quote(self._client_id, safe=""), quote(self._client_secret, safe=""))
        else:
            form["client_id"] = self._client_id
            if self._client_secret:
                form["client_secret"] = self._client_secret
        try:
            return await self._http.post(await self._issuer.endpoint("token_endpoint"), form, auth)
        except RefusedByIssuer as refusal:
            if refusal.code == "invalid_grant":
                raise Unauthenticated(
                    "the provider does not take the code: it is wrong, old or was used", reason="CODE_REFUSED"
                ) from None
            _log.warning("a provider refuses this platform", issuer=self._issuer.url, cause=str(refusal))
            message = f"{self._issuer.url} refuses this platform as its client"
            raise Unavailable(message, reason="ISSUER_MISCONFIGURED") from refusal

    async def _takes_basic(self) -> bool:
        methods = (await self._issuer.metadata()).get("token_endpoint_auth_methods_supported")
        return not isinstance(methods, list) or "client_secret_basic" in methods

    async def _about(self, subject: str, answer: Mapping[str, Any]) -> Claims:
        """Further claims of the same person; none where the provider has no such endpoint. Raises Unauthenticated."""
        token = answer.get("access_token")
        if not isinstance(token, str) or "userinfo_endpoint" not in await self._issuer.metadata():
            return {}
        url = await self._issuer.endpoint("userinfo_endpoint")
        try:
            claims = await self._http.get(url, {"authorization": f"Bearer {token}"})
        except RefusedByIssuer as refusal:
            _log.warning("a provider does not say who its token is of", issuer=self._issuer.url, cause=str(refusal))
            return {}
        if claims.get("sub") != subject:
            raise refused("the provider speaks of somebody else", "TOKEN_INVALID")
        return claims
