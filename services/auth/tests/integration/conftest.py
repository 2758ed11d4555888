"""auth without its wire: real use-cases, hashing and Postgres; only the signer of tokens is a fake."""

import itertools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from types import SimpleNamespace
from typing import Any

import argon2
import pytest
from auth_fakes import FakeMailer, FakeSigner
from auth_second_factor import logins
from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.adapters.guesses import password_policy
from fp_auth.adapters.postgres.account_links import PostgresAccountLinks
from fp_auth.adapters.postgres.api_keys import PostgresApiKeys
from fp_auth.adapters.postgres.invitations import PostgresInvitations
from fp_auth.adapters.postgres.login_attempts import PostgresLoginAttempts
from fp_auth.adapters.postgres.roles import PostgresRoles
from fp_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from fp_auth.adapters.postgres.service_credentials import PostgresServiceCredentials
from fp_auth.adapters.postgres.sessions import PostgresSessions
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.postgres.teams import PostgresTeams
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.adapters.sealing import Fingerprints, Sealer
from fp_auth.app.accept_invitation import AcceptInvitation
from fp_auth.app.assign_role import AssignRole
from fp_auth.app.count_attempts import CountAttempts
from fp_auth.app.create_api_key import CreateApiKey, IssuedKey
from fp_auth.app.create_user import CreateUser
from fp_auth.app.delete_user import DeleteUser
from fp_auth.app.disable_user import DisableUser, EnableUser
from fp_auth.app.end_sessions import EndSession, LogOutEverywhere
from fp_auth.app.exchange_service_token import ExchangeServiceToken
from fp_auth.app.invitations import CreateInvitation, InvitationQueries, WithdrawInvitation
from fp_auth.app.issue_job_token import IssueJobToken
from fp_auth.app.links import Links
from fp_auth.app.logout import Logout
from fp_auth.app.passwords import (
    ChangePassword,
    CompletePasswordReset,
    RequestPasswordReset,
    ResetUserPassword,
    SetPassword,
)
from fp_auth.app.people_queries import PeopleQueries
from fp_auth.app.queries import Queries
from fp_auth.app.refresh import Refresh
from fp_auth.app.register import RequestRegistration
from fp_auth.app.revoke_api_key import RevokeApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.send_mails import MailQueue, SendMail, SendMails
from fp_auth.app.session import IssueTokens, OpenSession
from fp_auth.app.teams import CreateTeam, ResumeTeam, SuspendTeam, TeamQueries, UpdateTeam
from fp_auth.app.update_profile import UpdateProfile
from fp_auth.app.validate_token import ResolveApiKey, ValidateToken
from fp_auth.app.verify_email import RequestEmailVerification, VerifyEmail
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain.lockout import LockoutPolicy
from fp_auth.domain.sessions import SessionPolicy
from fp_auth.domain.users import User
from fp_events import Event, decode
from fp_kernel import Error, FieldViolation, Principal, new_id
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.clock import ManualClock

MIGRATIONS = resources.files("fp_auth") / "migrations"
PASSWORD = "a-river-and-9-lanterns"
SERVICE_SCOPES = {"registry": frozenset({"models:read"})}
# Real hashing, made cheap: what it costs is not the subject here.
CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=8, hash_len=16, time_cost=1, memory_cost=8, parallelism=1
)


class Stores:
    """Each store by itself, outside a transaction."""

    def __init__(self, database: Database) -> None:
        self.users = PostgresUsers(database)
        self.roles = PostgresRoles(database)
        self.api_keys = PostgresApiKeys(database)
        self.sessions = PostgresSessions(database)
        self.attempts = PostgresLoginAttempts(database)
        self.signing_keys = PostgresSigningKeys(database)
        self.teams = PostgresTeams(database)
        self.invitations = PostgresInvitations(database)
        self.service_credentials = PostgresServiceCredentials(database)


class World:
    """do: every use-case by its name."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.stores, self.transactions = Stores(database), DatabaseTransactions(database, PostgresTransaction)
        self.hasher, self.signer, self.mailer = Argon2Hasher(CHEAP), FakeSigner(clock), FakeMailer()
        self.count_by()

    def count_by(self, **policies: LockoutPolicy) -> None:
        """Failed logins are counted by these policies from now on."""
        self.attempts = CountAttempts(self.transactions, self.clock, **policies)
        self.do = self._use_cases()

    def _use_cases(self) -> SimpleNamespace:
        numbers = itertools.count(1)

        def random(size: int) -> bytes:
            return next(numbers).to_bytes(size, "big")

        stores, transactions, clock, signer = self.stores, self.transactions, self.clock, self.signer
        users, roles, tokens = stores.users, stores.roles, IssueTokens(signer, random)
        open_session = OpenSession(transactions, tokens, clock)
        self.verify = VerifyPassword(users, transactions, self.hasher, self.attempts)
        return SimpleNamespace(
            **self._of_accounts(random),
            **logins(self, open_session),
            open_session=open_session,
            refresh=Refresh(transactions, tokens, clock),
            logout=Logout(transactions, clock),
            create_user=CreateUser(roles, transactions, password_policy(), self.hasher, clock),
            assign_role=AssignRole(transactions),
            create_api_key=CreateApiKey(users, roles, transactions, random, clock),
            revoke_api_key=RevokeApiKey(transactions, clock),
            rotate_api_key=RotateApiKey(transactions, random, clock),
            validate_token=ValidateToken(
                signer, ResolveApiKey(stores.api_keys, PostgresServiceAccounts(self.database), clock)
            ),
            exchange_service_token=ExchangeServiceToken(stores.service_credentials, SERVICE_SCOPES, signer, clock),
            issue_job_token=IssueJobToken(roles, transactions, signer, clock),
            secret_commands=SecretCommands(Sealer([bytes(32)], "commands"), Fingerprints(bytes(32))),
            queries=Queries(users, roles, stores.api_keys),
        )

    def _of_accounts(self, random: Callable[[int], bytes]) -> dict[str, Any]:
        stores, transactions, clock = self.stores, self.transactions, self.clock
        users, verify = stores.users, self.verify
        queue = MailQueue(Sealer([bytes(32)], "mails"))
        send = SendMail(transactions, queue, self.mailer, clock)
        set_password = SetPassword(password_policy(), self.hasher, queue)
        links = Links(random, queue, send, public_url="https://fp.example.com")
        return dict(
            disable_user=DisableUser(transactions, clock),
            enable_user=EnableUser(transactions, clock),
            delete_user=DeleteUser(transactions, clock),
            update_profile=UpdateProfile(transactions),
            change_password=ChangePassword(users, transactions, verify, set_password, clock),
            reset_user_password=ResetUserPassword(transactions, links, clock),
            request_password_reset=RequestPasswordReset(users, transactions, links, clock),
            complete_password_reset=CompletePasswordReset(
                users, PostgresAccountLinks(self.database), transactions, set_password, clock
            ),
            request_email_verification=RequestEmailVerification(transactions, links, clock),
            verify_email=VerifyEmail(transactions, clock),
            **self._of_invitations(links),
            send_mails=SendMails(transactions, send, clock),
            end_session=EndSession(transactions, clock),
            log_out_everywhere=LogOutEverywhere(transactions, clock),
            create_team=CreateTeam(transactions, clock),
            update_team=UpdateTeam(transactions),
            suspend_team=SuspendTeam(transactions, clock),
            resume_team=ResumeTeam(transactions, clock),
            teams=TeamQueries(stores.teams),
            people=PeopleQueries(users, stores.sessions, SessionPolicy(), clock),
        )

    def _of_invitations(self, links: Links) -> dict[str, Any]:
        reads, transactions, clock = self.stores.invitations, self.transactions, self.clock
        accept = AcceptInvitation(
            reads, transactions, password_policy(), self.hasher, clock, registration_team="visitors"
        )
        return {
            "create_invitation": CreateInvitation(transactions, links, clock),
            "withdraw_invitation": WithdrawInvitation(transactions, clock),
            "accept_invitation": accept,
            "request_registration": RequestRegistration(transactions, links, clock, team="visitors"),
            "invitations": InvitationQueries(reads, clock),
        }

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

    async def found(self, user_id: str) -> User:
        """The user as he is now."""
        user = await self.stores.users.find(user_id)
        assert user is not None
        return user

    async def caller(self, user: User, **changes: object) -> Principal:
        """A token of the user, as his role is now."""
        role = await self.stores.roles.find(user.role)
        assert role is not None
        facts = {
            "user_id": user.id,
            "team": user.team,
            "role": user.role,
            "scopes": role.scopes,
            "expires_at": self.clock.now().timestamp() + 900,
            "issued_at": self.clock.now().timestamp(),
        }
        return Principal(**(facts | changes))

    async def using(self, issued: IssuedKey) -> Principal:
        """A caller who holds this key."""
        key = issued.key
        end = key.expires_at.timestamp() if key.expires_at else math.inf
        user = await self.found(key.user_id)
        return await self.caller(user, scopes=key.scopes, api_key_id=key.id, expires_at=end)

    def now(self) -> datetime:
        return self.clock.now()

    async def column(self, query: str) -> list[Any]:
        """The first column of each row."""
        return [row[0] for row in await self.database.fetch(query)]

    async def events(self) -> list[Event]:
        """What committed transactions left in the outbox."""
        return [decode(each) for each in await self.column("SELECT envelope FROM fp_outbox ORDER BY position")]

    async def event_types(self) -> list[str]:
        return [event.type for event in await self.events()]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(databases) -> AsyncIterator[Database]:
    opened = await Database.connect(await databases.create(MIGRATIONS, service="auth"), source="auth")
    yield opened
    await opened.close()


@pytest.fixture
def world(database, clock) -> World:
    return World(database, clock)


@pytest.fixture
def stores(world) -> Stores:
    return world.stores


@pytest.fixture
def transactions(world) -> DatabaseTransactions[PostgresTransaction]:
    return world.transactions


@contextmanager
def refused(kind: type[Error], *, field: str = "", reason: str = "") -> Iterator[pytest.ExceptionInfo[Error]]:
    """The block raises this error, which names the field in its details or its message."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    named = {violation.field for violation in error.fields if isinstance(violation, FieldViolation)}
    assert not field or field in named or error.message.startswith(field)
    assert not reason or error.reason == reason


@pytest.fixture(name="refused")
def refused_fixture() -> Callable[..., object]:
    return refused
