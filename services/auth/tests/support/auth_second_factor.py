"""Somebody with a second factor, on the real stores of a test, and the use-cases that he needs."""

import base64
import secrets
from typing import Any

from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.adapters.postgres.second_factors import PostgresSecondFactorReads
from fp_auth.adapters.sealing import Sealer
from fp_auth.app.change_second_factor import (
    RenewRecoveryCodes,
    ResetSecondFactor,
    SecondFactorQueries,
    TurnOffSecondFactor,
)
from fp_auth.app.check_second_factor import CheckSecondFactor, MatchCode, VerifyPerson
from fp_auth.app.login import Login
from fp_auth.app.prove_password import PasswordProofs
from fp_auth.app.second_factor_changes import SecondFactorChanges
from fp_auth.app.send_mails import MailQueue
from fp_auth.app.session import OpenSession
from fp_auth.app.turn_on_second_factor import BeginSecondFactor, ConfirmSecondFactor
from fp_auth.domain.second_factors import STEP_SECONDS, step_of
from fp_auth.single_sign_on import unsealing
from fp_sealing import Envelope, KeyRing

EMAIL = "ada@example.com"
PASSWORD = "a-river-and-9-lanterns"
HERE = {"address": "203.0.113.7"}


class Person:
    """Somebody with a second factor. secret: what is in the app."""

    def __init__(self, world, user, caller, secret, recovery):
        self.world, self.user, self.caller, self.secret, self.recovery = world, user, caller, secret, recovery

    def code(self, *, steps=0):
        return TotpPasscodes().code(self.secret, step_of(self.world.now()) + steps)

    async def login(self, code="", *, password=PASSWORD, proof="", address=HERE["address"]):
        return await self.world.do.login(self.user.email, password, code=code, proof=proof, address=address)

    def later(self):
        """Codes of the step of before are used up."""
        self.world.clock.advance(STEP_SECONDS)


async def begin(world, role="viewer", email=EMAIL):
    user = await world.user(role, email=email)
    session = await world.do.login(email, PASSWORD, **HERE)
    claims = await world.do.validate_token(session.access_token)
    caller = await world.caller(user, session_id=claims.session_id)
    enrolment = await world.do.begin_second_factor(caller, PASSWORD, **HERE)
    return Person(world, user, caller, base64.b32decode(enrolment.secret), ())


async def turn_on(world, role="viewer", email=EMAIL):
    person = await begin(world, role, email)
    person.recovery = await world.do.confirm_second_factor(person.caller, person.code())
    person.later()
    return person


async def status(world, person, by=None):
    return await world.do.second_factor(by or person.caller, person.user.id, may_see=lambda team: team == "alpha")


def logins(world: Any, open_session: OpenSession, *, keys: KeyRing | None = None) -> dict[str, Any]:
    """By their names in `world.do`. keys: what wraps the secrets."""
    users, transactions, clock, attempts = world.stores.users, world.transactions, world.clock, world.attempts
    sealer, keys, envelope = Sealer([bytes(32)], "password proofs"), keys or KeyRing([bytes(32)]), Envelope()
    reads, passcodes, random = PostgresSecondFactorReads(world.database), TotpPasscodes(), secrets.token_bytes
    changes = SecondFactorChanges(MailQueue(Sealer([bytes(32)], "mails")))
    match = MatchCode(keys, envelope, passcodes, clock)
    check = CheckSecondFactor(reads, match, attempts)
    person = VerifyPerson(world.verify, check, attempts)
    made = {"random": random, "clock": clock}
    return {
        "login": Login(
            transactions,
            verify=world.verify,
            proofs=PasswordProofs(sealer, unsealing(sealer), users, attempts, clock),
            second_factor=check,
            open_session=open_session,
            clock=clock,
        ),
        "begin_second_factor": BeginSecondFactor(
            users, transactions, world.verify, keys=keys, envelope=envelope, passcodes=passcodes, **made
        ),
        "confirm_second_factor": ConfirmSecondFactor(reads, transactions, match, changes=changes, **made),
        "turn_off_second_factor": TurnOffSecondFactor(users, transactions, person, changes, clock),
        "renew_recovery_codes": RenewRecoveryCodes(users, transactions, person, random, clock),
        "reset_second_factor": ResetSecondFactor(transactions, changes, clock),
        "second_factor": SecondFactorQueries(users, reads),
    }
