"""Transactions: every store of auth on one connection."""

from fp_postgres import ConvertingOutbox
from fp_postgres import Transaction as DatabaseTransaction

from fp_auth.adapters.events import to_event
from fp_auth.adapters.postgres.account_links import PostgresAccountLinks
from fp_auth.adapters.postgres.api_keys import PostgresApiKeys
from fp_auth.adapters.postgres.declarations import PostgresDeclaredObjects
from fp_auth.adapters.postgres.invitations import PostgresInvitations
from fp_auth.adapters.postgres.job_executions import PostgresJobExecutions
from fp_auth.adapters.postgres.login_attempts import PostgresLoginAttempts
from fp_auth.adapters.postgres.mail_requests import PostgresMailRequests
from fp_auth.adapters.postgres.roles import PostgresRoles, PostgresTeamRoles
from fp_auth.adapters.postgres.second_factors import PostgresSecondFactors
from fp_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from fp_auth.adapters.postgres.service_credentials import PostgresServiceCredentials
from fp_auth.adapters.postgres.sessions import PostgresSessions
from fp_auth.adapters.postgres.sign_in import PostgresDeviceSignIns, PostgresIdentities, PostgresSpentTokens
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.postgres.teams import PostgresTeams
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals


class PostgresTransaction:
    """`app.ports.Transaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction) -> None:
        self.users = PostgresUsers(transaction)
        self.roles = PostgresRoles(transaction)
        self.api_keys = PostgresApiKeys(transaction)
        self.sessions = PostgresSessions(transaction)
        self.attempts = PostgresLoginAttempts(transaction)
        self.signing_keys = PostgresSigningKeys(transaction)
        self.service_credentials = PostgresServiceCredentials(transaction)
        self.service_accounts = PostgresServiceAccounts(transaction)
        self.team_roles = PostgresTeamRoles(transaction)
        self.declared_objects = PostgresDeclaredObjects(transaction)
        self.job_executions = PostgresJobExecutions(transaction)
        self.teams = PostgresTeams(transaction)
        self.account_links = PostgresAccountLinks(transaction)
        self.invitations = PostgresInvitations(transaction)
        self.second_factors = PostgresSecondFactors(transaction)
        self.mail_requests = PostgresMailRequests(transaction)
        self.withdrawals = PostgresWithdrawals(transaction)
        self.identities = PostgresIdentities(transaction)
        self.device_sign_ins = PostgresDeviceSignIns(transaction)
        self.spent_tokens = PostgresSpentTokens(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)
        self._transaction = transaction

    async def exclusive(self, name: str) -> None:
        await self._transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"fp_auth:{name}")

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
