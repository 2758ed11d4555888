import pytest
from fp_auth.domain.team_roles import parse_assignable
from fp_auth.domain.users import parse_email, parse_name, parse_team
from fp_kernel import InvalidArgument


def test_an_address_is_one_account_however_it_is_typed():
    assert parse_email("  Ada@Example.COM ") == "ada@example.com"


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("zo\u00eb@example.org", "zo\u00eb@example.org"),
        ("ZOE\u0308@example.org", "zo\u00eb@example.org"),
        ("\uff41\uff44\uff4d\uff49\uff4e@example.org", "admin@example.org"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("stra\u00dfe@example.org", "stra\u00dfe@example.org"),
    ],
)
def test_addresses_that_look_alike_are_one_account(typed, normal):
    assert parse_email(typed) == parse_email(normal) == normal


@pytest.mark.parametrize(
    "email", ["a\u200bda@example.com", "ada@\u00fc..example", "a\u00a0b@example.com", "\u202eada@e.com"]
)
def test_what_cannot_be_seen_is_in_no_address(email):
    with pytest.raises(InvalidArgument, match="email"):
        parse_email(email)


@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@", "a b@example.com", "a@b@c", "x" * 250 + "@e.com"])
def test_what_is_no_address_is_refused(email):
    with pytest.raises(InvalidArgument, match="email"):
        parse_email(email)


def test_a_user_without_a_name_is_called_by_the_address():
    assert parse_name(" ", "ada@example.com") == "ada"
    assert parse_name(" Ada Lovelace ", "ada@example.com") == "Ada Lovelace"
    assert parse_name("Ada @ home", "ada@example.com") == "Ada @ home"


@pytest.mark.parametrize("name", ["ada@example.com", "ADA@Example.com", "Ada <private@example.com>", "ada\uff20e.com"])
def test_an_address_is_nobodys_name(name):
    assert parse_name(name, "ada@example.com") == "ada"


@pytest.mark.parametrize("name", ["x" * 101, "line\nbreak"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(InvalidArgument, match="name"):
        parse_name(name, "ada@example.com")


@pytest.mark.parametrize("team", ["", "a b", "-x", "x" * 64, "a/b"])
def test_what_is_no_team_label_is_refused(team):
    with pytest.raises(InvalidArgument, match="team"):
        parse_team(team)


@pytest.mark.parametrize("role", ["", "service", "job", "service-account", "Admin"])
def test_roles_of_programs_and_what_is_no_name_are_never_assigned(role):
    with pytest.raises(InvalidArgument, match="role_name"):
        parse_assignable(role)


def test_people_may_be_admin_engineer_or_viewer():
    assert [parse_assignable(role) for role in ("admin", "engineer", "viewer")] == ["admin", "engineer", "viewer"]
