"""The first operator of a new database, by the settings."""

import secrets
import sys

from fp_kernel import Clock, Error
from fp_runtime import StartFailed
from fp_telemetry import get_logger

from fp_auth.adapters.guesses import password_policy
from fp_auth.app.ensure_operator import EnsureOperator
from fp_auth.app.ports import PasswordHasher, Transactions, Users
from fp_auth.settings import AuthSettings

_log = get_logger(__name__)


async def ensure_first_operator(
    settings: AuthSettings, users: Users, transactions: Transactions, hasher: PasswordHasher, clock: Clock
) -> None:
    """Raises StartFailed naming the settings that are refused."""
    given = settings.auth_bootstrap_password.get_secret_value()
    made_up = "" if given or settings.env != "dev" else secrets.token_urlsafe(18)
    if not given and not made_up:
        return
    email = settings.auth_bootstrap_email
    ensure_operator = EnsureOperator(users, transactions, password_policy(), hasher, clock)
    try:
        created = await ensure_operator(email=email, password=given or made_up, team=settings.auth_bootstrap_team)
    except Error as error:
        raise StartFailed(f"FP_AUTH_BOOTSTRAP_*: {error.message}") from None
    if created:
        _log.info("first operator created")
    if created and made_up:
        # On stdout and nowhere else: logs are on stderr and are stored.
        sys.stdout.write(f"first operator: {email}, password: {made_up} (shown once)\n")
        sys.stdout.flush()
