"""Users and roles."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import FIRST, affected
from fp_auth.domain.users import ADMIN_ROLE, ASSIGNABLE_ROLES, DEFAULT_ROLE, OPERATOR_ROLE, User

# An operator is an admin of his team with a mark: code that does not know the mark finds the admin that he was.
# Likewise who has a role of the team is a viewer with its name.
ROLE = """
CASE WHEN u.operator AND u.role = 'admin' THEN 'operator'
     WHEN u.team_role IS NOT NULL AND u.role = 'viewer' THEN u.team_role
     ELSE u.role END
"""
USER = f"""
u.id, u.email, u.name, u.team, {ROLE} AS role, u.created_at, u.password_hash, u.disabled_at, u.deleted_at,
u.email_verified_at
"""


class PostgresUsers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, user_id: str) -> User | None:
        row = await self._connection.fetchrow(
            f"SELECT {USER} FROM users u WHERE u.id = $1",  # noqa: S608 -- a constant
            user_id,
        )
        return to_user(row) if row else None

    async def find_by_email(self, email: str) -> User | None:
        row = await self._connection.fetchrow(
            f"SELECT {USER} FROM users u WHERE u.email = $1",  # noqa: S608 -- a constant
            email,
        )
        return to_user(row) if row else None

    async def lock(self, user_id: str) -> User | None:
        row = await self._connection.fetchrow(
            f"SELECT {USER} FROM users u WHERE u.id = $1 FOR UPDATE",  # noqa: S608 -- a constant
            user_id,
        )
        return to_user(row) if row else None

    async def hold(self, user_id: str) -> User | None:
        row = await self._connection.fetchrow(
            f"SELECT {USER} FROM users u WHERE u.id = $1 FOR SHARE",  # noqa: S608 -- a constant
            user_id,
        )
        return to_user(row) if row else None

    async def operator_exists(self) -> bool:
        return bool(
            await self._connection.fetchval(
                "SELECT EXISTS (SELECT FROM users WHERE operator AND role = 'admin' AND deleted_at IS NULL)",
            )
        )

    async def add(self, user: User) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO users (id, email, name, team, role, operator, team_role, created_at, password_hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (email) DO NOTHING
            """,
            user.id,
            user.email,
            user.name,
            user.team,
            *_stored(user.role),
            user.created_at,
            user.password_hash,
        )
        return affected(status) == 1

    async def set_role(self, user_id: str, role: str) -> None:
        await self._connection.execute(
            "UPDATE users SET role = $2, operator = $3, team_role = $4 WHERE id = $1", user_id, *_stored(role)
        )

    async def set_name(self, user_id: str, name: str) -> None:
        await self._connection.execute("UPDATE users SET name = $2 WHERE id = $1", user_id, name)

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        await self._connection.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, password_hash)

    async def renew_password_hash(self, user_id: str, known: str, password_hash: str) -> None:
        await self._connection.execute(
            "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, known, password_hash
        )

    async def set_disabled(self, user_id: str, at: datetime | None) -> None:
        await self._connection.execute("UPDATE users SET disabled_at = $2 WHERE id = $1", user_id, at)

    async def set_email_verified(self, user_id: str, at: datetime) -> None:
        await self._connection.execute("UPDATE users SET email_verified_at = $2 WHERE id = $1", user_id, at)

    async def erase(self, user_id: str, now: datetime) -> None:
        # While the address is still known.
        await self._connection.execute(
            "DELETE FROM invitations WHERE email = (SELECT email FROM users WHERE id = $1)", user_id
        )
        await self._connection.execute(
            """
            UPDATE users SET deleted_at = $2, email = NULL, name = '', password_hash = '', email_verified_at = NULL
            WHERE id = $1
            """,
            user_id,
            now,
        )
        await self._connection.execute("DELETE FROM account_links WHERE user_id = $1", user_id)
        await self._connection.execute("DELETE FROM mail_requests WHERE user_id = $1", user_id)
        # Who he is at a provider is personal; when he signs in by it again, he is a new person.
        await self._connection.execute("DELETE FROM external_identities WHERE user_id = $1", user_id)
        await self._connection.execute("DELETE FROM second_factors WHERE user_id = $1", user_id)
        # With it goes whatever the audit log's digests of his addresses could be compared with.
        await self._connection.execute("DELETE FROM audit_address_keys WHERE person = $1", user_id)

    async def lock_administrators(self, team: str) -> Sequence[User]:
        # Locked one by one in the order of ids, so that two transactions never wait for each other.
        rows = await self._connection.fetch(
            f"""
            SELECT {USER} FROM users u
            WHERE u.role = 'admin' AND (u.team = $1 OR u.operator) AND u.disabled_at IS NULL AND u.deleted_at IS NULL
            ORDER BY u.id
            FOR UPDATE
            """,  # noqa: S608 -- a constant
            team,
        )
        return [to_user(row) for row in rows]

    async def page(self, team: str, page: PageRequest) -> Sequence[User]:
        rows = await self._connection.fetch(
            f"""
            SELECT {USER} FROM users u
            WHERE u.team = $1 AND u.id > $2 AND u.deleted_at IS NULL
            ORDER BY u.id
            LIMIT $3
            """,  # noqa: S608 -- a constant
            team,
            page.after[0] if page.after else FIRST,
            page.size + 1,
        )
        return [to_user(row) for row in rows]


def _stored(role: str) -> tuple[str, bool, str | None]:
    """The columns `role`, `operator` and `team_role`."""
    if role == OPERATOR_ROLE:
        return ADMIN_ROLE, True, None
    if role in ASSIGNABLE_ROLES:
        return role, False, None
    return DEFAULT_ROLE, False, role


def to_user(row: Record) -> User:
    return User(
        id=str(row["id"]),
        email=row["email"] or "",
        name=row["name"],
        team=row["team"],
        role=row["role"],
        created_at=row["created_at"],
        password_hash=row["password_hash"],
        disabled_at=row["disabled_at"],
        deleted_at=row["deleted_at"],
        email_verified=row["email_verified_at"] is not None,
    )
