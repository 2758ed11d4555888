"""The first operator, without whom nobody could create anybody."""

from fp_kernel import AlreadyExists, Clock, new_id

from fp_auth.app.password_policy import PasswordPolicy
from fp_auth.app.ports import PasswordHasher, Transactions, Users
from fp_auth.domain.events import UserCreated
from fp_auth.domain.teams import Team
from fp_auth.domain.users import OPERATOR_ROLE, User, parse_email, parse_name, parse_team

_SECTION = "bootstrap"
ACTOR = "auth"


class EnsureOperator:
    def __init__(
        self, users: Users, transactions: Transactions, policy: PasswordPolicy, hasher: PasswordHasher, clock: Clock
    ) -> None:
        self._users = users
        self._policy = policy
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock

    async def __call__(self, *, email: str, password: str, team: str) -> bool:
        """Creates the first operator when there is none; whether it did.

        An operator who exists keeps his password, whatever the environment says. Raises InvalidArgument, AlreadyExists.
        """
        if await self._users.operator_exists():
            return False
        email = parse_email(email)
        self._policy.check(password, email=email, name="", team=parse_team(team))
        user = User(
            id=new_id(),
            email=email,
            name=parse_name("", email),
            team=parse_team(team),
            role=OPERATOR_ROLE,
            created_at=self._clock.now(),
            password_hash=await self._hasher.hash(password),
        )
        async with self._transactions() as tx:
            await tx.exclusive(_SECTION)
            if await tx.users.operator_exists():
                return False
            if not await tx.users.add(user):
                raise AlreadyExists("email: belongs to a user who is no operator")
            await tx.teams.add(Team(user.team, user.team, user.created_at))
            tx.outbox.add(UserCreated(user, ACTOR))
        return True
