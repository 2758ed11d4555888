"""From a bearer credential to a verified principal."""

from typing import Final, Protocol

from fp_kernel import Principal

API_KEY_PREFIX: Final = "fp_"


class IdentityResolver(Protocol):
    async def resolve(self, credential: str) -> Principal:
        """Who holds this credential.

        Raises Unauthenticated when it is worth nothing, Unavailable when nobody can tell at the moment.
        """
        ...


class CredentialResolver:
    """Picks the resolver by the credential's form: `fp_...` is an API key, anything else a token."""

    def __init__(self, jwt: IdentityResolver, keys: IdentityResolver) -> None:
        self._jwt = jwt
        self._keys = keys

    async def resolve(self, credential: str) -> Principal:
        resolver = self._keys if credential.startswith(API_KEY_PREFIX) else self._jwt
        return await resolver.resolve(credential)
