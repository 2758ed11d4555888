"""A new user, who is a viewer until an admin says otherwise."""

from datetime import datetime

from fp_kernel import Clock, Command, Internal, PermissionDenied, Principal, new_id

from fp_auth.app.password_policy import PasswordPolicy
from fp_auth.app.ports import PasswordHasher, Roles, Transaction, Transactions
from fp_auth.app.refusals import address_taken, check_holds
from fp_auth.app.session import role_named
from fp_auth.domain.events import UserCreated
from fp_auth.domain.teams import Team
from fp_auth.domain.users import DEFAULT_ROLE, User, parse_email, parse_name, parse_team, typed_email


class CreateUser:
    def __init__(
        self,
        roles: Roles,
        transactions: Transactions,
        policy: PasswordPolicy,
        hasher: PasswordHasher,
        clock: Clock,
    ) -> None:
        self._roles = roles
        self._policy = policy
        self._transactions = transactions
        self._hasher = hasher
        self._clock = clock

    async def __call__(
        self, caller: Principal, *, email: str, name: str, password: str, team: str, command: Command | None = None
    ) -> User:
        """team: already checked to be one that the caller may name.

        Raises InvalidArgument, AlreadyExists, ResourceExhausted for a team that is full, PermissionDenied for a caller
        who has less than a new user would.
        """
        # Who creates a user chooses the password, so that he could use whatever that user has.
        check_holds(caller, (await role_named(self._roles, DEFAULT_ROLE)).scopes, "role")
        typed, email = typed_email(email), parse_email(email)
        name, team = parse_name(name, email), parse_team(team)
        self._policy.check(password, email=email, name=name, team=team)
        user = User(
            id=new_id(),
            email=email,
            name=name,
            team=team,
            role=DEFAULT_ROLE,
            created_at=self._clock.now(),
            password_hash=await self._hasher.hash(password),
        )
        async with self._transactions(command) as tx:
            older = await tx.users.find_by_email(typed) if typed != email else None
            if older is not None or not await tx.users.add(user):
                raise address_taken()
            await make_room(tx, user.team, self._clock.now())
            tx.outbox.add(UserCreated(user, caller.user_id))
            await tx.complete(user)
        return user


async def make_room(tx: Transaction, team_id: str, now: datetime) -> None:
    """For the user who was added a moment ago. A team that was never named before is made.

    Raises ResourceExhausted when the team has as many as it may, PermissionDenied when it is suspended.
    """
    await tx.teams.add(Team(team_id, team_id, now))
    team = await tx.teams.lock(team_id)
    if team is None:
        raise Internal("a team without its row")
    if team.suspended_at is not None:
        raise PermissionDenied("team: is suspended", reason="TEAM_SUSPENDED")
    if team.limits.users:
        team.limits.check_users(await tx.teams.count_users(team_id) - 1)
