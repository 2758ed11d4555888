"""Who calls."""

from dataclasses import dataclass, replace

SERVICE_ROLE = "service"
JOB_ROLE = "job"
PLATFORM = "platform"
"""The resource of whoever runs the platform, and the team reserved for its operators."""
OPERATE = f"{PLATFORM}:admin"
"""The permission to act on every team; role `operator` has it, and no wildcard reaches it."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What an API key may have predicted: rows a second, and calls at once; 0 is no limit of its own."""

    predictions_per_second: int = 0
    predictions_in_flight: int = 0


NO_LIMITS = KeyLimits()


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller.

    user_id: id of the user; for a service its noun.
    team: the tenant whose data the call may see; empty for a service that acts for nobody.
    scopes: permissions `resource:action`; either half may be `*`.
    expires_at: Unix seconds after which the credential is not valid.
    api_key_id: set when the credential was an API key. key_limits: of that key.
    execution_id: set for the token of a job.
    service: the noun of the calling service, also when it acts on behalf of a user; else empty.
    issued_at: Unix seconds, with fractions. session_id: of the login that a person's token came from.
    signing_key: id of the key that signed the token.
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
    issued_at: float = 0.0
    session_id: str = ""
    signing_key: str = ""
    key_limits: KeyLimits = NO_LIMITS

    def may(self, permission: str) -> bool:
        """Whether the scopes grant `resource:action`."""
        return grants(self.scopes, permission)

    @property
    def is_service(self) -> bool:
        return self.role == SERVICE_ROLE

    @property
    def is_operator(self) -> bool:
        """Whether the credential may act on every team; a narrow API key of an operator may not."""
        return self.may(OPERATE)

    def on_behalf_of(self, team: str, user_id: str) -> "Principal":
        """The same service acting for a team; it keeps its own role and scopes."""
        return replace(self, team=team, user_id=user_id or self.user_id)


def grants(scopes: frozenset[str], permission: str) -> bool:
    """Whether scopes allow all that `permission` (`resource:action`) allows.

    `*` in place of the resource is everything of a team, and never the platform: the admin of one team could once
    take over every other.
    """
    resource, _, action = permission.partition(":")
    if resource == PLATFORM:
        return not scopes.isdisjoint((permission, f"{PLATFORM}:*"))
    return not scopes.isdisjoint((permission, f"{resource}:*", f"*:{action}", "*:*"))
