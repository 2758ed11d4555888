"""The life of accounts and teams, put together."""

import secrets

from fp_kernel import Clock, FailedPrecondition, InvalidArgument
from fp_postgres import Database, DatabaseTransactions
from fp_rpc import Channels
from fp_runtime import Runtime

from fp_auth.adapters.guesses import password_policy
from fp_auth.adapters.keyring import Keyring
from fp_auth.adapters.mailer import NoMailer, NotificationMailer, OwnCredential
from fp_auth.adapters.postgres.account_links import PostgresAccountLinks
from fp_auth.adapters.postgres.invitations import PostgresInvitations
from fp_auth.adapters.postgres.sessions import PostgresSessions
from fp_auth.adapters.postgres.teams import PostgresTeams
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.adapters.sealing import Sealer
from fp_auth.api.invitations_grpc import InvitationServicer
from fp_auth.api.people_grpc import PeopleServicer
from fp_auth.api.teams_grpc import TeamServicer
from fp_auth.app.accept_invitation import AcceptInvitation
from fp_auth.app.delete_user import DeleteUser
from fp_auth.app.disable_user import DisableUser, EnableUser
from fp_auth.app.end_sessions import EndSession, LogOutEverywhere
from fp_auth.app.invitations import CreateInvitation, InvitationQueries, WithdrawInvitation
from fp_auth.app.links import Links
from fp_auth.app.mail_ports import Mailer
from fp_auth.app.passwords import (
    ChangePassword,
    CompletePasswordReset,
    RequestPasswordReset,
    ResetUserPassword,
    SetPassword,
)
from fp_auth.app.people_queries import PeopleQueries
from fp_auth.app.ports import PasswordHasher
from fp_auth.app.register import RequestRegistration
from fp_auth.app.send_mails import MailQueue, SendMail, SendMails
from fp_auth.app.teams import CreateTeam, ResumeTeam, SuspendTeam, TeamQueries, UpdateTeam
from fp_auth.app.update_profile import UpdateProfile
from fp_auth.app.verify_email import RequestEmailVerification, VerifyEmail
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.settings import AuthSettings, encryption_keys

_MAIL_EVERY = 5.0  # seconds
_MAIL_TIMEOUT = 5.0
# What notification says of the mail itself.
_PASSING = (FailedPrecondition, InvalidArgument)


def people(
    runtime: Runtime,
    settings: AuthSettings,
    database: Database,
    keyring: Keyring,
    *,
    verify: VerifyPassword,
    hasher: PasswordHasher,
) -> tuple[PeopleServicer, InvitationServicer]:
    """Mails that wait are sent from now on."""
    clock, users, transactions = (
        runtime.clock,
        PostgresUsers(database),
        DatabaseTransactions(database, PostgresTransaction),
    )
    queue = MailQueue(Sealer(encryption_keys(settings.auth_key_encryption_key.get_secret_value()), "mails"))
    send = SendMail(transactions, queue, _mailer(runtime, settings, keyring), clock)
    runtime.every(_MAIL_EVERY, "mails", SendMails(transactions, send, clock))
    links = Links(secrets.token_bytes, queue, send, public_url=settings.public_url)
    set_password = SetPassword(password_policy(), hasher, queue)
    accounts = PeopleServicer(
        queries=PeopleQueries(users, PostgresSessions(database), settings.session, clock),
        disable_user=DisableUser(transactions, clock),
        enable_user=EnableUser(transactions, clock),
        delete_user=DeleteUser(transactions, clock),
        update_profile=UpdateProfile(transactions),
        change_password=ChangePassword(users, transactions, verify, set_password, clock),
        reset_user_password=ResetUserPassword(transactions, links, clock),
        request_password_reset=RequestPasswordReset(users, transactions, links, clock),
        complete_password_reset=CompletePasswordReset(
            users, PostgresAccountLinks(database), transactions, set_password, clock
        ),
        request_email_verification=RequestEmailVerification(transactions, links, clock),
        verify_email=VerifyEmail(transactions, clock),
        end_session=EndSession(transactions, clock),
        log_out_everywhere=LogOutEverywhere(transactions, clock),
    )
    return accounts, _invitations(settings, database, links, hasher, clock)


def teams(database: Database, clock: Clock) -> TeamServicer:
    transactions = DatabaseTransactions(database, PostgresTransaction)
    return TeamServicer(
        queries=TeamQueries(PostgresTeams(database)),
        create_team=CreateTeam(transactions, clock),
        update_team=UpdateTeam(transactions),
        suspend_team=SuspendTeam(transactions, clock),
        resume_team=ResumeTeam(transactions, clock),
    )


def _invitations(
    settings: AuthSettings, database: Database, links: Links, hasher: PasswordHasher, clock: Clock
) -> InvitationServicer:
    transactions, reads, team = (
        DatabaseTransactions(database, PostgresTransaction),
        PostgresInvitations(database),
        settings.auth_registration_team,
    )
    return InvitationServicer(
        queries=InvitationQueries(reads, clock),
        create_invitation=CreateInvitation(transactions, links, clock),
        withdraw_invitation=WithdrawInvitation(transactions, clock),
        accept_invitation=AcceptInvitation(
            reads, transactions, password_policy(), hasher, clock, registration_team=team
        ),
        request_registration=RequestRegistration(transactions, links, clock, team=team),
    )


def _mailer(runtime: Runtime, settings: AuthSettings, keyring: Keyring) -> Mailer:
    if settings.notification_addr is None:
        return NoMailer()
    own = OwnCredential(keyring, runtime.clock)
    channels = Channels(own, metrics=runtime.metrics, certificates=runtime.certificates)
    runtime.on_close(channels.close)
    address = settings.notification_addr
    opened = channels.open(address, peer="notification", timeout=_MAIL_TIMEOUT, passing=_PASSING)
    return NotificationMailer(opened)
