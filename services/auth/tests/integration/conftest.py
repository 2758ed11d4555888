"""auth in memory: real use-cases and hashing over fakes of the stores and the signer."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import argon2
import pytest
from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.adapters.memory.stores import MemoryAuthTransactions, MemoryStores
from fp_auth.adapters.sealing import Fingerprints, Sealer
from fp_auth.app import use_cases
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.use_cases import UseCases
from fp_auth.app.validate_token import ResolveApiKey
from fp_auth.domain.claims import Claims
from fp_auth.domain.users import Role, User
from fp_kernel import Error, FieldViolation, Principal, Unauthenticated, new_id
from fp_testkit.clock import ManualClock

ENGINEER = frozenset({"models:read", "models:write", "predictions:create"})
VIEWER = frozenset({"models:read"})
ROLES = (
    Role("admin", frozenset({"*:*"})),
    Role("engineer", ENGINEER),
    Role("viewer", VIEWER),
    Role("service", frozenset({"models:read", "models:write"})),
    Role("job", frozenset({"models:read"})),
)
PASSWORD = "a-river-and-9-lanterns"
CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=8, hash_len=16, time_cost=1, memory_cost=8, parallelism=1
)


@dataclass
class FakeSigner:
    """Tokens are numbers; what they say is remembered."""

    clock: ManualClock
    issued: dict[str, Claims] = field(default_factory=dict)

    def sign(self, claims: Claims) -> str:
        token = f"token-{len(self.issued)}"
        self.issued[token] = claims
        return token

    async def verify(self, token: str) -> Claims:
        claims = self.issued.get(token)
        if claims is None or (claims.expires_at and claims.expires_at <= self.clock.now()):
            raise Unauthenticated("worth nothing")
        return claims


@dataclass
class World:
    clock: ManualClock
    stores: MemoryStores
    transactions: MemoryAuthTransactions
    hasher: Argon2Hasher
    signer: FakeSigner
    do: UseCases
    random: Callable[[int], bytes]

    async def user(self, role: str = "viewer", *, team: str = "alpha", email: str = "") -> User:
        """One who is there already."""
        user = User(
            id=new_id(),
            email=email or f"{new_id()}@example.com",
            name="",
            team=team,
            role=role,
            created_at=self.clock.now(),
            password_hash=await self.hasher.hash(PASSWORD),
        )
        assert await self.stores.users.add(user)
        return user

    def caller(self, user: User, **changes: object) -> Principal:
        """A token of the user, as his role is now."""
        facts = {
            "user_id": user.id,
            "team": user.team,
            "role": user.role,
            "scopes": self.stores.roles.rows[user.role].scopes,
            "expires_at": self.clock.now().timestamp() + 900,
        }
        return Principal(**(facts | changes))

    def now(self) -> datetime:
        return self.clock.now()

    @property
    def events(self) -> list[str]:
        return [event.type for event in self.transactions.events]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world(clock: ManualClock) -> World:
    stores = MemoryStores(ROLES)
    transactions = MemoryAuthTransactions(stores)
    hasher, signer = Argon2Hasher(CHEAP), FakeSigner(clock)
    numbers = itertools.count(1)

    def random(size: int) -> bytes:
        return next(numbers).to_bytes(size, "big")

    do = use_cases.build(
        stores=stores,
        transactions=transactions,
        hasher=hasher,
        signer=signer,
        verifier=signer,
        resolve_key=ResolveApiKey(stores, clock),
        secret_commands=SecretCommands(Sealer([bytes(32)], "commands"), Fingerprints(bytes(32))),
        random=random,
        clock=clock,
    )
    return World(clock, stores, transactions, hasher, signer, do, random)


@contextmanager
def refused(kind: type[Error], *, field: str = "", reason: str = "") -> Iterator[None]:
    """The block raises this error, which names the field in its details or its message."""
    with pytest.raises(kind) as caught:
        yield
    error = caught.value
    named = {violation.field for violation in error.fields if isinstance(violation, FieldViolation)}
    assert not field or field in named or error.message.startswith(field)
    assert not reason or error.reason == reason


@pytest.fixture(name="refused")
def refused_fixture() -> Callable[..., object]:
    return refused
