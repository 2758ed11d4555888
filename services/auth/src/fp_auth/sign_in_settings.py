"""Settings of other issuers: providers by which people sign in, and issuers that vouch for workloads."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from fp_kernel import Error
from fp_kernel.identity import PLATFORM
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from fp_auth.adapters.oidc.http import is_safe
from fp_auth.domain.scopes import parse_scopes
from fp_auth.domain.sign_in import IssuerPolicy, Rule, check_rule
from fp_auth.domain.team_roles import parse_assignable
from fp_auth.domain.users import parse_team
from fp_auth.domain.workloads import Trust, check_trust

_NAME = "[a-z][a-z0-9-]{0,30}"
_MOST = 50


def _url(value: str) -> str:
    """As it is written: an issuer's name is compared letter by letter, its last slash included."""
    if not is_safe(value):
        raise ValueError("must be an https URL; http only for the loopback")
    return value


def _file(value: str) -> str:
    if value and not Path(value).is_file():
        raise ValueError("ca_file does not exist")
    return value


Url = Annotated[str, AfterValidator(_url)]
Name = Annotated[str, Field(pattern=f"^{_NAME}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuleSettings(_Strict):
    """Who has `value` in `claim` belongs to `team` with `role`; `*` is any value."""

    claim: Text
    value: Text
    team: Text
    role: Text


class IssuerSettings(_Strict):
    """A provider by which people sign in.

    name: in addresses and settings. title: for people. issuer: its URL, as its documents spell it.
    client_secret: empty for a public client. scopes: asked for. rules: the first that fits decides.
    session_hours: a session ends after so long, whatever its use; groups are looked at anew by the next sign-in.
    trust_email: addresses are taken as verified although the provider does not say so.
    link_email: an account here with the same verified address is joined.
    hosts: further hosts, with port, that the provider's documents may name. ca_file: its authority, in PEM.
    """

    name: Name
    title: Text
    issuer: Url
    client_id: Text
    client_secret: SecretStr = SecretStr("")
    scopes: Annotated[tuple[Text, ...], Field(max_length=20)] = ("openid", "profile", "email")
    rules: Annotated[tuple[RuleSettings, ...], Field(min_length=1, max_length=1_000)]
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12.0
    trust_email: bool = False
    link_email: bool = False
    hosts: tuple[str, ...] = ()
    ca_file: Annotated[str, AfterValidator(_file)] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "openid" not in self.scopes:
            raise ValueError("scopes must have openid")
        for rule in self.policy.rules:
            _checked(rule)
        return self

    @property
    def policy(self) -> IssuerPolicy:
        return IssuerPolicy(
            name=self.name,
            title=self.title,
            issuer=self.issuer,
            rules=[Rule(rule.claim, rule.value, rule.team, rule.role) for rule in self.rules],
            longest=timedelta(hours=self.session_hours),
            trusts_email=self.trust_email,
            links_email=self.link_email,
        )


class WorkloadSettings(_Strict):
    """Which tokens of another issuer are worth a token of the platform.

    name: of the workload here. audience: what the token must be meant for. matches: claim -> pattern; `*` is any text.
    minutes: how long the platform's token is good. once: a token that names itself (`jti`) is taken once; off for
    Kubernetes, whose projected token is a file that is good for an hour. hosts, ca_file: as of a provider.
    """

    name: Name
    issuer: Url
    audience: Text
    matches: Annotated[dict[str, Text], Field(max_length=20)]
    team: Text
    scopes: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    minutes: Annotated[float, Field(gt=0, le=15)] = 15.0
    once: bool = True
    hosts: tuple[str, ...] = ()
    ca_file: Annotated[str, AfterValidator(_file)] = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            parse_team(self.team)
            trust = self.trust
        except Error as error:
            raise ValueError(error.message) from None
        if self.team == PLATFORM:
            raise ValueError(f"team must not be {PLATFORM}: it is for people")
        check_trust(trust)
        return self

    @property
    def trust(self) -> Trust:
        return Trust(
            name=self.name,
            issuer=self.issuer,
            audience=self.audience,
            matches=self.matches,
            team=self.team,
            scopes=parse_scopes(self.scopes),
            life=timedelta(minutes=self.minutes),
            once=self.once,
        )


def _unique(items: Sequence[IssuerSettings | WorkloadSettings]) -> Sequence[IssuerSettings | WorkloadSettings]:
    names = [each.name for each in items]
    if len(set(names)) < len(names):
        raise ValueError("every entry needs a name of its own")
    return items


def _checked(rule: Rule) -> None:
    """Raises ValueError."""
    try:
        parse_team(rule.team)
        parse_assignable(rule.role)
    except Error as error:
        raise ValueError(error.message) from None
    check_rule(rule, PLATFORM)


Issuers = Annotated[tuple[IssuerSettings, ...], Field(max_length=_MOST), AfterValidator(_unique)]
Workloads = Annotated[tuple[WorkloadSettings, ...], Field(max_length=_MOST), AfterValidator(_unique)]
