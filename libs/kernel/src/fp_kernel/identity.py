"""Who calls."""

from dataclasses import dataclass, replace

SERVICE_ROLE = "service"
ADMIN_ROLE = "admin"
JOB_ROLE = "job"


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller.

    user_id: id of the user; for a service its noun.
    team: the tenant whose data the call may see; empty for a service that acts for nobody.
    scopes: permissions `resource:action`; either half may be `*`.
    expires_at: Unix seconds after which the credential is worth nothing.
    api_key_id: set when the credential was an API key.
    execution_id: set for the token of a job.
    service: the noun of the calling service, also when it acts on behalf of a user; else empty.
    """

    user_id: str
    team: str
    role: str
    scopes: frozenset[str]
    expires_at: float
    email: str = ""
    name: str = ""
    token_id: str = ""
    api_key_id: str = ""
    execution_id: str = ""
    service: str = ""

    def may(self, permission: str) -> bool:
        """Whether the scopes grant `resource:action`."""
        resource, _, action = permission.partition(":")
        return not self.scopes.isdisjoint((permission, f"{resource}:*", f"*:{action}", "*:*"))

    @property
    def is_service(self) -> bool:
        return self.role == SERVICE_ROLE

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN_ROLE

    def on_behalf_of(self, team: str, user_id: str) -> "Principal":
        """The same service acting for a team; it keeps its own role and scopes."""
        return replace(self, team=team, user_id=user_id or self.user_id)
