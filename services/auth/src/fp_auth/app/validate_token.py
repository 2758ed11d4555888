"""Who is behind a token or an API key."""

from fp_kernel import Clock, Unauthenticated, invalid

from fp_auth.app.ports import ApiKeys, KeyHolder, TokenVerifier
from fp_auth.app.service_account_ports import AccountHolder, ServiceAccountReads
from fp_auth.domain.api_keys import PREFIX, key_hash, looks_like_key
from fp_auth.domain.claims import Claims
from fp_auth.domain.scopes import intersection
from fp_auth.domain.service_accounts import SERVICE_ACCOUNT_ROLE


class ResolveApiKey:
    def __init__(self, api_keys: ApiKeys, accounts: ServiceAccountReads, clock: Clock) -> None:
        self._api_keys = api_keys
        self._accounts = accounts
        self._clock = clock

    async def __call__(self, raw: str) -> Claims:
        """What the key may do now: never more than its owner. Raises Unauthenticated."""
        holder = await self._holder(key_hash(raw)) if looks_like_key(raw) else None
        now = self._clock.now()
        if holder is None or not holder.key.valid(now):
            raise Unauthenticated("the API key is unknown, expired or revoked", reason="API_KEY_INVALID")
        minute = now.replace(second=0, microsecond=0)
        if holder.key.last_used_at is None or holder.key.last_used_at < minute:
            await self._api_keys.touch(holder.key.id, minute)
        return _of_person(holder) if isinstance(holder, KeyHolder) else _of_account(holder)

    async def _holder(self, digest: bytes) -> KeyHolder | AccountHolder | None:
        found = await self._api_keys.find_by_hash(digest) or await self._accounts.find_by_key(digest)
        disabled = isinstance(found, AccountHolder) and found.account.disabled_at is not None
        return None if disabled else found


def _of_account(holder: AccountHolder) -> Claims:
    key, account = holder.key, holder.account
    return Claims(
        subject=account.id,
        team=account.team,
        role=SERVICE_ACCOUNT_ROLE,
        scopes=intersection(key.scopes, account.scopes),
        issued_at=key.created_at,
        expires_at=key.expires_at,
        token_id=key.id,
        name=account.name,
        api_key_id=key.id,
        key_limits=key.limits,
    )


def _of_person(holder: KeyHolder) -> Claims:
    key, user, role = holder.key, holder.user, holder.role
    return Claims(
        subject=user.id,
        team=user.team,
        role=role.name,
        scopes=intersection(key.scopes, role.scopes),
        issued_at=key.created_at,
        expires_at=key.expires_at,
        token_id=key.id,
        email=user.email,
        name=user.name,
        api_key_id=key.id,
        key_limits=key.limits,
    )


class ValidateToken:
    def __init__(self, verifier: TokenVerifier, resolve_key: ResolveApiKey) -> None:
        self._verifier = verifier
        self._resolve_key = resolve_key

    async def __call__(self, token: str) -> Claims:
        """Raises InvalidArgument when there is none, Unauthenticated when it is worth nothing."""
        if not token:
            raise invalid("token", "must not be empty")
        if token.startswith(PREFIX):
            return await self._resolve_key(token)
        return await self._verifier.verify(token)
