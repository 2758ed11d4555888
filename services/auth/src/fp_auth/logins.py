"""Logins by password, and second factors, put together."""

import secrets
from dataclasses import dataclass

from fp_kernel import Clock
from fp_postgres import Database, DatabaseTransactions
from fp_sealing import Envelope

from fp_auth.adapters.keyring import Keyring
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.adapters.postgres.second_factors import PostgresSecondFactorReads
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.adapters.sealing import Sealer
from fp_auth.api.second_factor_grpc import SecondFactorServicer
from fp_auth.app.change_second_factor import (
    RenewRecoveryCodes,
    ResetSecondFactor,
    SecondFactorQueries,
    TurnOffSecondFactor,
)
from fp_auth.app.check_second_factor import CheckSecondFactor, MatchCode, VerifyPerson
from fp_auth.app.count_attempts import CountAttempts
from fp_auth.app.login import Login
from fp_auth.app.ports import PasswordHasher
from fp_auth.app.prove_password import PasswordProofs
from fp_auth.app.second_factor_changes import SecondFactorChanges
from fp_auth.app.send_mails import MailQueue
from fp_auth.app.session import IssueTokens, OpenSession
from fp_auth.app.turn_on_second_factor import BeginSecondFactor, ConfirmSecondFactor
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.settings import AuthSettings, encryption_keys
from fp_auth.single_sign_on import unsealing
from fp_auth.team_secrets import wrapping_keys


@dataclass(frozen=True, slots=True)
class Logins:
    """verify: for others that ask for the password."""

    login: Login
    verify: VerifyPassword
    second_factors: SecondFactorServicer


def open_logins(
    settings: AuthSettings, database: Database, keyring: Keyring, hasher: PasswordHasher, clock: Clock
) -> Logins:
    """Raises StartFailed for a file of keys that cannot be used."""
    users, transactions, random = (
        PostgresUsers(database),
        DatabaseTransactions(database, PostgresTransaction),
        secrets.token_bytes,
    )
    own = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    attempts = CountAttempts(
        transactions, clock, pair_policy=settings.pair_lockout, address_policy=settings.address_lockout
    )
    verify = VerifyPassword(users, transactions, hasher, attempts)
    sealer = Sealer(own, "password proofs")
    keys, envelope, passcodes = wrapping_keys(settings), Envelope(), TotpPasscodes()
    match = MatchCode(keys, envelope, passcodes, clock)
    check = CheckSecondFactor(PostgresSecondFactorReads(database), match, attempts)
    login = Login(
        transactions,
        verify=verify,
        proofs=PasswordProofs(sealer, unsealing(sealer), users, attempts, clock),
        second_factor=check,
        open_session=OpenSession(transactions, IssueTokens(keyring, random, settings.session), clock),
        clock=clock,
    )
    begin = BeginSecondFactor(
        users, transactions, verify, keys=keys, envelope=envelope, passcodes=passcodes, random=random, clock=clock
    )
    changes = SecondFactorChanges(MailQueue(Sealer(own, "mails")))
    person = VerifyPerson(verify, check, attempts)
    return Logins(login, verify, _second_factors(database, clock, begin, match=match, person=person, changes=changes))


def _second_factors(
    database: Database,
    clock: Clock,
    begin: BeginSecondFactor,
    *,
    match: MatchCode,
    person: VerifyPerson,
    changes: SecondFactorChanges,
) -> SecondFactorServicer:
    users, transactions, random = (
        PostgresUsers(database),
        DatabaseTransactions(database, PostgresTransaction),
        secrets.token_bytes,
    )
    reads = PostgresSecondFactorReads(database)
    return SecondFactorServicer(
        queries=SecondFactorQueries(users, reads),
        begin=begin,
        confirm=ConfirmSecondFactor(reads, transactions, match, changes=changes, random=random, clock=clock),
        turn_off=TurnOffSecondFactor(users, transactions, person, changes, clock),
        renew_recovery_codes=RenewRecoveryCodes(users, transactions, person, random, clock),
        reset=ResetSecondFactor(transactions, changes, clock),
    )
