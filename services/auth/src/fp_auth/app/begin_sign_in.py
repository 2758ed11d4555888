"""The begin of a sign-in at a provider."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import Clock, FailedPrecondition, NotFound, invalid

from fp_auth.app.ports import Random, Sealer
from fp_auth.app.sign_in_ports import Provider
from fp_auth.domain.sign_in import FLOW_LIFE, Flow, IssuerPolicy, text_of

SEALED_AS = "flow"
_MAX_RETURN = 2_000
_ENTROPY = 32


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    authorization_url: str
    flow: str
    ends: datetime


@dataclass(frozen=True, slots=True)
class KnownProvider:
    policy: IssuerPolicy
    provider: Provider


class BeginSignIn:
    def __init__(
        self, providers: Mapping[str, KnownProvider], sealer: Sealer, random: Random, clock: Clock, *, public_url: str
    ) -> None:
        self._providers = providers
        self._sealer = sealer
        self._random = random
        self._clock = clock
        self._public_url = public_url

    def issuers(self) -> Sequence[IssuerPolicy]:
        return [each.policy for each in self._providers.values()]

    async def __call__(self, name: str, return_to: str) -> Begun:
        """Raises InvalidArgument, NotFound, FailedPrecondition, Unavailable while the provider is away."""
        if len(return_to) > _MAX_RETURN:
            raise invalid("return_to", f"must have at most {_MAX_RETURN} characters")
        known = provider_named(self._providers, name)
        check_public(self._public_url)
        ends = self._clock.now() + FLOW_LIFE
        state, nonce, verifier = (text_of(self._random(_ENTROPY)) for _ in range(3))
        flow = Flow(name, state, nonce, verifier, return_to, ends.timestamp())
        url = await known.provider.authorization_url(flow)
        return Begun(url, seal_text(self._sealer, flow.dump(), SEALED_AS), ends)


def provider_named(providers: Mapping[str, KnownProvider], name: str) -> KnownProvider:
    """Raises NotFound."""
    known = providers.get(name)
    if known is None:
        raise NotFound("name: there is no such provider", reason="ISSUER_UNKNOWN")
    return known


def check_public(public_url: str) -> None:
    """Raises FailedPrecondition."""
    if not public_url:
        raise FailedPrecondition(
            "FP_AUTH_PUBLIC_URL is not set: nobody knows where a browser comes back to", reason="NO_PUBLIC_URL"
        )


def seal_text(sealer: Sealer, data: bytes, name: str) -> str:
    return base64.urlsafe_b64encode(sealer.seal(data, name)).decode()
