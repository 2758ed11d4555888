"""A new user, who is a viewer until an admin says otherwise."""

from fp_kernel import AlreadyExists, Clock, Command, FieldViolation, new_id

from fp_auth.app.ports import PasswordHasher, Transactions
from fp_auth.domain.events import UserCreated
from fp_auth.domain.passwords import check_password
from fp_auth.domain.users import DEFAULT_ROLE, User, parse_email, parse_name, parse_team


class CreateUser:
    def __init__(self, transactions: Transactions, hasher: PasswordHasher, clock: Clock) -> None:
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock

    async def __call__(
        self, *, email: str, name: str, password: str, team: str, actor: str, command: Command | None = None
    ) -> User:
        """team: already checked to be one that the actor may name.

        Raises InvalidArgument, AlreadyExists.
        """
        email = parse_email(email)
        check_password(password, email=email)
        user = User(
            id=new_id(),
            email=email,
            name=parse_name(name, email),
            team=parse_team(team),
            role=DEFAULT_ROLE,
            created_at=self._clock.now(),
            password_hash=await self._hasher.hash(password),
        )
        async with self._transactions(command) as tx:
            if not await tx.users.add(user):
                raise AlreadyExists(
                    "email: a user with this e-mail address exists",
                    reason="EMAIL_TAKEN",
                    fields=(FieldViolation("email", "is taken"),),
                )
            tx.outbox.add(UserCreated(user, actor))
            await tx.complete(user)
        return user
