import pytest
from fp_auth.domain.passwords import check_password
from fp_kernel import InvalidArgument


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7-river-lantern",
        "Tr0ub4dor&3xyz",
        "mijn fiets is groen",
        "żółw-ćma-łoś-ryś",
        "kJ8#vQ2!pL5z",
    ],
)
def test_a_long_password_that_nobody_guesses_is_taken(password):
    check_password(password, email="ada@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2024!!",
        "P@ssw0rd!2024",
        "passwordpassword",
        "123456789012",
        "987654321098",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "abababababab",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "letmein_letmein",
        "adminadmin123",
        "welcome12345",
        "iloveyouforever",
    ],
)
def test_a_common_password_is_refused_and_never_repeated_in_the_message(password):
    with pytest.raises(InvalidArgument) as refused:
        check_password(password)
    assert [violation.field for violation in refused.value.fields] == ["password"]
    assert password not in refused.value.message


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "x" * 513])
def test_a_password_of_the_wrong_length_is_refused(password):
    with pytest.raises(InvalidArgument, match="password"):
        check_password(password)


def test_a_password_may_not_be_the_address_of_its_owner():
    with pytest.raises(InvalidArgument, match="password"):
        check_password("Ada.Lovelace@example.com", email="ada.lovelace@example.com")
