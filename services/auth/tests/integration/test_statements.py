"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

import hashlib
from datetime import UTC, date, datetime
from hashlib import sha256
from importlib import resources

from fp_auth.adapters.postgres.statements import FIRST
from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_auth") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


def digest(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
MAC = "sha256(n::text::bytea)"
ROWS = "FROM generate_series(1, 20000) AS n"

# One team, and one user of it, has a fiftieth of everything: a page far behind its first must cost what that one does.
# What is read at once, and is little by its nature, is no more with any number of rows.
FILL = (
    f"""
    INSERT INTO declared_objects (team, kind, name, set_name, applied_by, applied_at)
    SELECT CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END, 'Role', 'role-' || n,
           CASE WHEN n % 100 = 2 THEN 'one' ELSE 'two' END, '', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO team_roles (team, name, description, scopes, created_by, created_at)
    SELECT CASE WHEN n % 50 = 2 AND n <= 20000 THEN 'large' ELSE 'team-' || n / 100 END, 'role-' || n, '',
           '{{models:read}}', '',
           '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO service_accounts (id, team, name, description, scopes, created_by, created_at)
    SELECT {ROW_ID}, CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END, 'account-' || n, '',
           '{{models:read}}', '', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO job_executions (execution_id, team, until)
    SELECT n::text, 'large', '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO users (id, team, email, name, role, team_role, password_hash, created_at)
    SELECT {ROW_ID}, CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END, n || '@example.com', '',
           CASE WHEN n % 200 = 0 AND n <= 20000 THEN 'admin' ELSE 'viewer' END,
           CASE WHEN n % 50 = 2 THEN 'role-2' END, 'hash', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO api_keys (id, team, user_id, name, prefix, key_hash, scopes, created_by, created_at, created_by_key,
                          service_account)
    SELECT {ROW_ID}, CASE WHEN n % 200 = 3 THEN 'team-3' ELSE 'large' END,
           CASE n % 50 WHEN 2 THEN '{row_id(2)}'::uuid WHEN 3 THEN NULL ELSE {ROW_ID} END, '', 'fp_',
           sha256(n::text::bytea), '{{models:read}}', '', '2013-03-01',
           CASE WHEN n % 1000 = 2 AND n <= 20000 THEN '{row_id(1)}'::uuid END,
           CASE WHEN n % 1000 = 53 AND n <= 20000 THEN '{row_id(4)}'::uuid
                WHEN n % 50 = 3 THEN '{row_id(2)}'::uuid END {ROWS}
    """,
    f"""
    INSERT INTO refresh_families (id, user_id, started_at, ends_at, last_used_at)
    SELECT {ROW_ID}, CASE WHEN n % 50 = 2 THEN '{row_id(2)}' ELSE {ROW_ID} END, '2013-03-01',
           '2013-03-01'::timestamptz + n * interval '1 minute', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at, predecessor)
    SELECT sha256(n::text::bytea), {ROW_ID}, '2013-03-01', '2013-04-01', sha256((n - 1)::text::bytea) {ROWS}
    """,
    f"INSERT INTO teams (id, display_name, created_at) SELECT 'team-' || n, '', '2013-03-01' {ROWS}",
    f"""
    INSERT INTO account_links (token_hash, kind, user_id, email, requested_by, created_at, expires_at)
    SELECT sha256(n::text::bytea), 'password_reset', CASE WHEN n % 50 = 2 THEN '{row_id(2)}' ELSE {ROW_ID} END, '', '',
           '2013-03-01', '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO invitations (id, token_hash, team, email, role, invited_by, created_at, expires_at, withdrawn_at)
    SELECT {ROW_ID}, sha256(n::text::bytea), CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END,
           n || '@example.com', 'viewer', CASE WHEN n % 50 = 3 THEN '' ELSE 'admin' END, '2013-03-01',
           '2013-03-01'::timestamptz + n * interval '1 minute',
           CASE WHEN n % 50 = 4 THEN '2013-03-01'::timestamptz END {ROWS}
    """,
    f"""
    INSERT INTO mail_requests (id, user_id, sealed, created_at, expires_at, due_at)
    SELECT {ROW_ID}, {ROW_ID}, '', '2013-03-01', '2013-03-01',
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO second_factors (user_id, id, key_id, wrapped_key, sealed, begun_at, confirmed_at)
    SELECT {ROW_ID}, {ROW_ID}, 'old', 'k', 's', '2013-03-01', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO recovery_codes (user_id, code_hash)
    SELECT {ROW_ID}, sha256((n + code)::text::bytea) FROM generate_series(1, 5000) AS n, generate_series(1, 10) AS code
    """,  # noqa: S608 -- constants
    f"""
    INSERT INTO login_buckets (kind, key, empty_at)
    SELECT 'pair', sha256(n::text::bytea), '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO withdrawals (kind, id, until)
    SELECT CASE WHEN n % 2 = 0 THEN 'user' ELSE 'session' END, n,
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO external_identities (issuer, subject, user_id, signed_in_at)
    SELECT 'https://id.example', n::text, {ROW_ID}, '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO device_sign_ins (device_hash, user_code, program, ends_at, decided_at, user_id)
    SELECT sha256(n::text::bytea), n::text, 'fp', '2013-03-01'::timestamptz + n * interval '1 minute', '2013-03-01',
           {ROW_ID} {ROWS}
    """,
    f"""
    INSERT INTO spent_tokens (digest, ends_at)
    SELECT sha256(n::text::bytea), '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"INSERT INTO audit_days (day, seed, head) SELECT '2013-03-01'::date - n, {MAC}, {MAC} {ROWS}",
    "CREATE TABLE audit_entries_2013_02 PARTITION OF audit_entries FOR VALUES FROM ('2013-02-01') TO ('2013-03-01')",
    "CREATE TABLE audit_entries_2013_03 PARTITION OF audit_entries FOR VALUES FROM ('2013-03-01') TO ('2013-04-01')",
    # 19 days, ten of them in February, with as many entries each, however many rows there are.
    f"""
    INSERT INTO audit_entries
        (day, number, id, occurred_at, recorded_at, team, service, method, actor_id, actor_role, api_key_id, status,
         resource_id, address, suppressed, correlation_id, mac)
    SELECT '2013-02-19'::date + n % 19, n / 19 + 1, {ROW_ID}, '2013-03-01',
           ('2013-02-19'::date + n % 19)::timestamptz + interval '1 hour',
           CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END, 'auth', '/s/M' || n % 4, 'actor-' || n % 100,
           '', '', 'OK', 'resource-' || n % 100, '', 0, '', {MAC} {ROWS}
    """,
    f"""
    INSERT INTO audit_address_keys (person, key, created_at)
    SELECT CASE WHEN n % 2 = 0 THEN 'nobody:' ELSE '' END || n, {MAC},
           '2013-03-01'::timestamptz + n * interval '1 minute' {ROWS}
    """,
    f"""
    INSERT INTO secrets (team, name, last_version, created_by, created_at)
    SELECT CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 2000 END, 'n' || n, 1, '', '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO secret_versions (team, name, number, status, key_id, wrapped_key, sealed, created_by, created_at)
    SELECT CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 2000 END, 'n' || n, 1, 'ENABLED', 'old', 'k', 'v', '',
           '2013-03-01' {ROWS}
    """,
)
SMALL = {
    "roles",  # seeded by migrations
    "service_credentials",  # two for each service at most
    "signing_keys",  # one a month, dropped when its last token ended
}

HASH = b"\x00" * 32
DAY = date(2013, 3, 1)
# team, actor, method, resource, from which day and number, then the range of times and the number of rows.
WHEN = (date(2013, 2, 1), datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC), 21)


def entries(index: str, *equal: str, of: str = "") -> tuple[object, ...]:
    """The first page, and one far behind it."""
    behind = ((date(2013, 3, 31), 2**63 - 1), (date(2013, 2, 21), 500))
    return tuple(uses(f"{index} {of}".strip(), *equal, *place, *WHEN) for place in behind)


TABLE = {
    "audit._DAY": uses("audit_entries_pkey", DAY, 500, 250, at_most=1_000),
    "audit._DAY_OF_TEAM": uses("audit_entries_of_team", DAY, 0, 250, "large", at_most=1_000),
    "audit._OF_ACTOR": entries("audit_entries_of_actor", "", "actor-2", "", ""),
    "audit._OF_ALL": entries("audit_entries_pkey", "", "", "", ""),
    "audit._OF_METHOD": entries("audit_entries_of_team_by_method", "large", "", "/s/M2", ""),
    "audit._OF_RESOURCE": entries("audit_entries_of_resource", "", "", "", "resource-2"),
    "audit._OF_TEAM": entries("audit_entries_of_team", "large", "", "", ""),
    "api_keys.PostgresApiKeys.add": uses(""),
    "api_keys.PostgresApiKeys.find_by_hash": uses(
        "api_keys_key_hash_key users_pkey roles_pkey team_roles_pkey teams_pkey"
    ),
    "api_keys.PostgresApiKeys.lock": uses("api_keys_pkey", "large", row_id(7)),
    "api_keys.PostgresApiKeys.lock_made_by": uses(
        "api_keys_made_by_key api_keys_pkey", row_id(1), sorts="the keys that one key made"
    ),
    "api_keys.PostgresApiKeys.save": uses("api_keys_pkey", row_id(7), NOW, NOW, None),
    "api_keys.PostgresApiKeys.touch": uses("api_keys_pkey", row_id(7), NOW),
    "api_keys.PostgresApiKeys.page": (
        uses("api_keys_of_user", "large", row_id(2), FIRST, True, 21),
        uses("api_keys_of_user", "large", row_id(2), row_id(15_000), True, 21),
    ),
    "declarations.PostgresDeclaredObjects.owners": uses("declared_objects_pkey", "large", ["Role"], ["role-2"]),
    "declarations.PostgresDeclaredObjects.count": uses("declared_objects_of_set", "large", at_most=1_000),
    "declarations.PostgresDeclaredObjects.save": uses("declared_objects_pkey"),
    "declarations.PostgresDeclaredObjects.remove": uses(
        "declared_objects_of_set", "large", "one", ["Role"], ["role-2"]
    ),
    "declarations.PostgresDeclaredObjects.page": uses("declared_objects_pkey", "large", "Role", "role-5", 21),
    "declarations.PostgresDeclaredObjects.page/2": uses(
        "declared_objects_of_set", "large", "two", "Role", "role-5", 21
    ),
    "job_executions.PostgresJobExecutions.issue": uses("job_executions_pkey"),
    "job_executions.PostgresJobExecutions.end": uses("job_executions_pkey", "9000", "large", NOW),
    "job_executions.PostgresJobExecutions.prune": uses("job_executions_by_end", NOW, 50),
    "roles.PostgresRoles.find": uses("roles_pkey team_roles_pkey"),
    "roles.PostgresTeamRoles.add": uses("team_roles_pkey"),
    "roles.PostgresTeamRoles.lock": uses("team_roles_pkey", "large", "role-2"),
    "roles.PostgresTeamRoles.save": uses("team_roles_pkey"),
    "roles.PostgresTeamRoles.delete": uses("team_roles_pkey"),
    "roles.PostgresTeamRoles.holders": uses("users_of_team_role", "large", "role-2", 10),
    "roles.PostgresTeamRoles.active_holders": uses("users_of_team_role", "large", "role-2", 10),
    "roles.PostgresTeamRoles.all": uses("roles_pkey"),
    "roles.PostgresTeamRoles.all/2": uses("team_roles_pkey", "large", sorts="at most a hundred", at_most=1_000),
    "service_accounts._FIND": uses("service_accounts_of_team", "large", row_id(2)),
    "service_accounts._LOCK": uses("service_accounts_of_team", "large", row_id(2)),
    "service_accounts.PostgresServiceAccounts.add": uses("service_accounts_team_name_key"),
    "service_accounts.PostgresServiceAccounts.save": uses("service_accounts_pkey"),
    "service_accounts.PostgresServiceAccounts.delete": uses("service_accounts_pkey"),
    "service_accounts.PostgresServiceAccounts.lock_keys": uses("api_keys_of_service_account", row_id(4)),
    "service_accounts.PostgresServiceAccounts.find_by_key": uses(
        "api_keys_key_hash_key service_accounts_pkey teams_pkey", digest(3)
    ),
    "service_accounts.PostgresServiceAccounts.page": (
        uses("service_accounts_of_team", "large", FIRST, 21),
        uses("service_accounts_of_team", "large", row_id(15_000), 21),
    ),
    "service_accounts.PostgresServiceAccounts.keys": (
        uses("api_keys_of_service_account", row_id(2), FIRST, True, 21),
        uses("api_keys_of_service_account", row_id(2), row_id(15_000), True, 21),
    ),
    "audit.PostgresAuditWriter.head": uses("audit_days_pkey", at_most=1),
    "audit.PostgresAuditWriter.address_keys": uses(""),
    "audit.PostgresAuditWriter.address_keys/2": uses("audit_address_keys_pkey", ["nobody:2", "7"]),
    "audit.PostgresAuditWriter.append": uses(""),
    "audit.PostgresAuditWriter.append/2": uses("audit_days_pkey"),
    "audit.PostgresAuditReads.erase": uses("audit_address_keys_pkey", "7"),
    "audit.PostgresAuditReads.newest": uses("audit_days_pkey", at_most=1),
    "audit.PostgresAuditReads.heads": uses("audit_days_pkey", date(2013, 1, 1), date(2013, 2, 1)),
    "audit.PostgresAuditReads.head_before": uses("audit_days_pkey", date(2012, 1, 1)),
    "audit.PostgresAuditReads.first_stored": uses("audit_entries_pkey", at_most=2),
    "audit.PostgresAuditReads.forget_nobodys_keys": uses("audit_address_keys_of_nobody", NOW, 50),
    "login_attempts.PostgresLoginAttempts.lock": uses("login_buckets_pkey"),
    "login_attempts.PostgresLoginAttempts.save": uses("login_buckets_pkey"),
    "login_attempts.PostgresLoginAttempts.forget": uses("login_buckets_pkey"),
    "login_attempts.PostgresLoginAttempts.prune": uses("login_buckets_by_end", NOW, 50),
    "second_factors.PostgresSecondFactors.begin": uses("second_factors_pkey"),
    "second_factors.PostgresSecondFactors.confirm": uses("second_factors_pkey", row_id(7), row_id(7), 1, NOW),
    "second_factors.PostgresSecondFactors.turned_on": uses("second_factors_pkey", row_id(7)),
    "second_factors.PostgresSecondFactors.use_step": uses("second_factors_pkey", row_id(7), row_id(7), 1),
    "second_factors.PostgresSecondFactors.use_recovery_code": uses("recovery_codes_pkey", row_id(7), digest(8), NOW),
    "second_factors.PostgresSecondFactors.replace_recovery_codes": uses("recovery_codes_pkey", row_id(7)),
    "second_factors.PostgresSecondFactors.replace_recovery_codes/2": uses(""),
    "second_factors.PostgresSecondFactors.remove": uses("second_factors_pkey", row_id(7)),
    "second_factors.PostgresSecondFactors.replace_key": uses("second_factors_pkey", row_id(7), row_id(7), "new", b""),
    "second_factors.PostgresSecondFactorReads.find": uses("second_factors_pkey recovery_codes_pkey", row_id(7)),
    "second_factors.PostgresSecondFactorReads.wrapped_by_others": (
        uses("second_factors_pkey", "new", FIRST, 100),
        uses("second_factors_pkey", "new", row_id(15_000), 100),
    ),
    "secrets._ADD": uses("secrets_pkey"),
    "secrets._ADD_VERSION": uses(""),
    "secrets._BY_OTHERS": (
        uses("secret_versions_pkey", "new", "", "", 0, 100),
        uses("secret_versions_pkey", "new", "team-7", "n7", 0, 100),
    ),
    "secrets._COUNT": uses("secrets_living", "team-7"),
    "secrets._COUNT_ON": uses("secrets_pkey"),
    "secrets._DELETE": uses("secrets_living"),
    "secrets._DELETE_VERSIONS": uses("secret_versions_pkey"),
    "secrets._FIND_SEALED": uses("secret_versions_pkey secrets_living"),
    "secrets._FIND_VERSION": uses("secret_versions_pkey"),
    "secrets._LOCK": uses("secret_versions_pkey secrets_pkey"),
    "secrets._PAGE": (
        uses("secret_versions_pkey secrets_living", "large", "", 21),
        uses("secret_versions_pkey secrets_living", "large", "n15002", 21),
    ),
    "secrets._REPLACE_KEY": uses("secret_versions_pkey"),
    "secrets._SAVE": uses("secret_versions_pkey"),
    "secrets._VERSIONS": uses("secret_versions_pkey", "team-7", "n7", 100, 21),
    "service_credentials.PostgresServiceCredentials.hashes": uses("service_credentials_pkey"),
    "service_credentials.PostgresServiceCredentials.replace": uses("service_credentials_pkey"),
    "service_credentials.PostgresServiceCredentials.replace/2": uses(""),
    "service_credentials.PostgresServiceCredentials.replace/3": uses(""),
    "sessions.PostgresSessions.start": uses(""),
    "sessions.PostgresSessions.add_token": uses(""),
    "sessions.PostgresSessions.add_token/2": uses("refresh_families_pkey", row_id(7), NOW),
    "sessions.PostgresSessions.end_of_user": uses("refresh_families_of_user", row_id(7), NOW, "ended", ""),
    "sessions.PostgresSessions.find": uses("refresh_families_pkey", row_id(7)),
    "sessions.PostgresSessions.open_of_user": (
        uses("refresh_families_of_user", row_id(2), NOW, datetime(2013, 2, 1, tzinfo=UTC), FIRST, 21),
        uses("refresh_families_of_user", row_id(2), NOW, datetime(2013, 2, 1, tzinfo=UTC), row_id(15_000), 21),
    ),
    "sessions.PostgresSessions.erase": uses("refresh_families_of_user", row_id(7)),
    "sessions.PostgresSessions.lock": uses("refresh_families_pkey refresh_tokens_pkey"),
    "sessions.PostgresSessions.lock/2": uses("refresh_tokens_pkey refresh_tokens_replacing", digest(7)),
    "sessions.PostgresSessions.spend": uses("refresh_tokens_pkey refresh_tokens_replacing", digest(7), NOW),
    "sessions.PostgresSessions.end": uses("refresh_families_pkey", row_id(7), NOW, "logout"),
    "sessions.PostgresSessions.prune": uses("refresh_families_by_end", NOW, 50),
    "sign_in.PostgresIdentities.find": uses("external_identities_pkey", "https://id.example", "7"),
    "sign_in.PostgresIdentities.of_user": uses("external_identities_of_user", row_id(7)),
    "sign_in.PostgresIdentities.save": uses("external_identities_pkey"),
    "sign_in.PostgresDeviceSignIns.add": uses("device_sign_ins_user_code_key"),
    "sign_in.PostgresDeviceSignIns.find": uses("device_sign_ins_pkey", sha256(b"7").digest()),
    "sign_in.PostgresDeviceSignIns.lock_by_code": uses("device_sign_ins_user_code_key", "7"),
    "sign_in.PostgresDeviceSignIns.decide": uses("device_sign_ins_user_code_key", "7", NOW, row_id(7)),
    "sign_in.PostgresDeviceSignIns.take": uses("device_sign_ins_pkey", sha256(b"7").digest()),
    "sign_in.PostgresDeviceSignIns.open": uses("device_sign_ins_by_end", 10_000, at_most=10_000),
    "sign_in.PostgresDeviceSignIns.prune": uses("device_sign_ins_by_end", NOW, 50),
    "sign_in.PostgresSpentTokens.spend": uses("spent_tokens_pkey"),
    "sign_in.PostgresSpentTokens.prune": uses("spent_tokens_by_end", NOW, 50),
    "signing_keys.PostgresSigningKeys.all": uses("", sorts="a few keys"),
    "signing_keys.PostgresSigningKeys.add": uses(""),
    "signing_keys.PostgresSigningKeys.promote": uses("signing_keys_pkey"),
    "signing_keys.PostgresSigningKeys.retire": uses("signing_keys_pkey"),
    "signing_keys.PostgresSigningKeys.drop": uses("signing_keys_pkey"),
    "account_links.PostgresAccountLinks.add": uses(""),
    "account_links.PostgresAccountLinks.count_since": uses(
        "account_links_of_user", row_id(7), "password_reset", datetime(2013, 2, 1, tzinfo=UTC)
    ),
    "account_links.PostgresAccountLinks.find": uses(
        "account_links_pkey", sha256(b"77").digest(), "password_reset", NOW
    ),
    "account_links.PostgresAccountLinks.take": uses(
        "account_links_pkey", sha256(b"77").digest(), "password_reset", datetime(2013, 2, 1, tzinfo=UTC)
    ),
    "account_links.PostgresAccountLinks.void": uses("account_links_of_user", row_id(7), "password_reset", NOW),
    "account_links.PostgresAccountLinks.prune": uses("account_links_by_end", NOW, 50),
    "api_keys.PostgresApiKeys.lock_living": uses(
        "api_keys_of_user api_keys_made_by_key api_keys_pkey", "large", row_id(7), sorts="the keys of one user"
    ),
    "invitations.PostgresInvitations.add": uses(""),
    "invitations.PostgresInvitations.find_by_token": uses("invitations_token_hash_key", digest(7)),
    "invitations.PostgresInvitations.lock_by_token": uses("invitations_token_hash_key", digest(7)),
    "invitations.PostgresInvitations.lock": uses("invitations_pkey", row_id(7)),
    "invitations.PostgresInvitations.accept": uses("invitations_pkey", row_id(7), NOW),
    "invitations.PostgresInvitations.withdraw": uses("invitations_pkey", row_id(7), NOW),
    "invitations.PostgresInvitations.withdraw_earlier": uses("invitations_of_address", "team-7", "7@example.com", NOW),
    "invitations.PostgresInvitations.show_link": uses("invitations_pkey", row_id(7)),
    "invitations.PostgresInvitations.count_since": uses(
        "invitations_of_address", "7@example.com", datetime(2013, 2, 1, tzinfo=UTC), False
    ),
    "invitations.PostgresInvitations.count_registrations": uses(
        "invitations_to_oneself", datetime(2013, 2, 1, tzinfo=UTC), 1_000, at_most=1_000
    ),
    "invitations.PostgresInvitations.count_pending": uses(
        "invitations_pending", "large", datetime(2013, 2, 1, tzinfo=UTC), 1_000, at_most=1_000
    ),
    "invitations.PostgresInvitations.page": (
        uses("invitations_pending", "large", datetime(2013, 2, 1, tzinfo=UTC), FIRST, 21),
        uses("invitations_pending", "large", datetime(2013, 2, 1, tzinfo=UTC), row_id(15_000), 21),
    ),
    "invitations.PostgresInvitations.prune": uses("invitations_by_end", NOW, 50),
    "mail_requests.PostgresMailRequests.add": uses(""),
    "mail_requests.PostgresMailRequests.claim": uses("mail_requests_by_due mail_requests_pkey", NOW, NOW, 20),
    "mail_requests.PostgresMailRequests.postpone": uses("mail_requests_pkey", row_id(7), NOW),
    "mail_requests.PostgresMailRequests.remove": uses("mail_requests_pkey", row_id(7)),
    "teams.PostgresTeams.find": uses("teams_pkey", "team-7"),
    "teams.PostgresTeams.lock": uses("teams_pkey", "team-7"),
    "teams.PostgresTeams.hold": uses("teams_pkey", "team-7"),
    "teams.PostgresTeams.add": uses("teams_pkey"),
    "teams.PostgresTeams.save": uses("teams_pkey", "team-7", "", None, 0, 0, 2, "olga"),
    "teams.PostgresTeams.count_users": uses("users_living", "team-7", unmarked="users_of_team"),
    "teams.PostgresTeams.count_keys": uses("api_keys_unrevoked", "team-3", NOW),
    "teams.PostgresTeams.page": (uses("teams_pkey", "", 21), uses("teams_pkey", "team-5", 21)),
    "users.PostgresUsers.lock": uses("users_pkey", row_id(7)),
    "users.PostgresUsers.hold": uses("users_pkey", row_id(7)),
    "users.PostgresUsers.set_name": uses("users_pkey", row_id(7), "name"),
    "users.PostgresUsers.renew_password_hash": uses("users_pkey", row_id(7), "hash", "other"),
    "users.PostgresUsers.set_disabled": uses("users_pkey", row_id(7), NOW),
    "users.PostgresUsers.set_email_verified": uses("users_pkey", row_id(7), NOW),
    "users.PostgresUsers.erase": uses("users_pkey invitations_of_address", row_id(7)),
    "users.PostgresUsers.erase/2": uses("users_pkey", row_id(7), NOW),
    "users.PostgresUsers.erase/3": uses("account_links_of_user", row_id(7)),
    "users.PostgresUsers.erase/4": uses("mail_requests_of_user", row_id(7)),
    "users.PostgresUsers.erase/6": uses("second_factors_pkey", row_id(7)),
    "users.PostgresUsers.erase/7": uses("audit_address_keys_pkey", "7"),
    "users.PostgresUsers.erase/5": uses("external_identities_of_user", row_id(7)),
    "users.PostgresUsers.find": uses("users_pkey", row_id(7)),
    "users.PostgresUsers.find_by_email": uses("users_email_key", "7@example.com"),
    "users.PostgresUsers.operator_exists": uses("operators"),
    "users.PostgresUsers.add": uses("users_email_key"),
    "users.PostgresUsers.set_role": uses("users_pkey", row_id(7), "viewer", False, None),
    "users.PostgresUsers.set_password_hash": uses("users_pkey", row_id(7), "hash"),
    "users.PostgresUsers.lock_administrators": uses("admins_of_team operators", "team-0", sorts="a few people"),
    "users.PostgresUsers.page": (
        uses("users_of_team", "large", FIRST, 21),
        uses("users_of_team", "large", row_id(15_000), 21),
    ),
    "withdrawals.PostgresWithdrawals.add": uses("withdrawals_pkey"),
    "withdrawals.PostgresWithdrawals.prune": uses("withdrawals_by_end", NOW, 50),
    "withdrawals.PostgresWithdrawals.pages": (
        uses("withdrawals_pkey", "", "", 21),
        uses("withdrawals_pkey", "user", "5", 21),
    ),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    url = await databases.create(MIGRATIONS, service="auth", fresh=True)
    await check("fp_auth", url, TABLE, fill=FILL, small=SMALL)
