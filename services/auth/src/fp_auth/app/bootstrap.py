"""What must be there before anybody can log in: the first admin, and the services' credentials."""

from collections.abc import Sequence
from dataclasses import dataclass

from fp_kernel import AlreadyExists, Clock, new_id
from fp_kernel.identity import ADMIN_ROLE

from fp_auth.app.ports import PasswordHasher, Stores, Transactions
from fp_auth.domain.events import UserCreated
from fp_auth.domain.passwords import check_password
from fp_auth.domain.users import User, parse_email, parse_name, parse_team

_SECTION = "bootstrap"
ACTOR = "auth"


@dataclass(frozen=True, slots=True)
class EnsureAdmin:
    stores: Stores
    transactions: Transactions
    hasher: PasswordHasher
    clock: Clock

    async def __call__(self, *, email: str, password: str, team: str) -> bool:
        """Creates the first admin when there is none; whether it did.

        An admin who exists keeps his password, whatever the environment says. Raises InvalidArgument, AlreadyExists.
        """
        if await self.stores.users.admin_exists():
            return False
        email = parse_email(email)
        check_password(password, email=email)
        user = User(
            id=new_id(),
            email=email,
            name=parse_name("", email),
            team=parse_team(team),
            role=ADMIN_ROLE,
            created_at=self.clock.now(),
            password_hash=await self.hasher.hash(password),
        )
        async with self.transactions() as tx:
            await tx.exclusive(_SECTION)
            if await tx.users.admin_exists():
                return False
            if not await tx.users.add(user):
                raise AlreadyExists("email: belongs to a user who is no admin")
            tx.outbox.add(UserCreated(user, ACTOR))
        return True


@dataclass(frozen=True, slots=True)
class SeedServiceCredentials:
    transactions: Transactions
    clock: Clock

    async def __call__(self, credentials: Sequence[tuple[str, bytes]]) -> None:
        """credentials: pairs of a service's noun and a SHA-256; a service may have several."""
        async with self.transactions() as tx:
            await tx.exclusive(_SECTION)
            await tx.service_credentials.replace(credentials, self.clock.now())
