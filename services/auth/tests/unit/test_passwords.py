from types import SimpleNamespace

import pytest
from fp_auth.adapters import guesses as adapter
from fp_auth.adapters.guesses import password_policy
from fp_kernel import InvalidArgument

SIGNS = "4@8({[<369&#!|10$5+7%2"


def check(password, *, email="", name="", team=""):
    password_policy().check(password, email=email, name=name, team=team)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7-river-lantern",
        "Tr0ub4dor&3xyz",
        "mijn fiets is groen",
        "żółw-ćma-łoś-ryś",
        "kJ8#vQ2!pL5z",
        "x7$K(2p!Q9@z4",
    ],
)
def test_a_long_password_that_nobody_guesses_is_taken(password):
    check(password, email="ada@example.com", name="Ada Lovelace", team="vision")


@pytest.mark.parametrize(
    "password",
    [
        "P@ssw0rd123!",
        "password1234",
        "Password2024!!",
        "P@ssw0rd!2024",
        "passwordpassword",
        "123456789012",
        "1234567890!@",
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
        "Welcome2024!!",
        "iloveyouforever",
        "monkeydragon12",
        "correct horse",
        "forgepoint2024!",
        "q1w2e3r4t5y6u7i8",
        "00000000000000000000000000000000",
    ],
)
def test_a_password_of_few_guesses_is_refused_and_never_repeated_in_the_message(password):
    with pytest.raises(InvalidArgument) as refused:
        check(password)
    assert [violation.field for violation in refused.value.fields] == ["password"]
    assert password not in refused.value.message


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "x" * 513])
def test_a_password_of_the_wrong_length_is_refused(password):
    with pytest.raises(InvalidArgument, match="password"):
        check(password)


@pytest.mark.parametrize(
    "password",
    [
        "Ada.Lovelace@example.com",
        "ada.lovelace@example.com!",
        "Zbigniewska1815!",
        "zbigniewskaAda",
        "quasarlab-zbigniewska",
    ],
)
def test_what_is_known_of_its_owner_makes_a_password_easy(password):
    known = {"email": "ada.lovelace@example.com", "name": "Ada Zbigniewska", "team": "quasarlab"}
    with pytest.raises(InvalidArgument, match="easy to guess"):
        check(password, **known)


def test_the_name_of_somebody_else_is_a_word_like_any_other():
    check("quasarlab-zbigniewska", email="bo@example.com", name="Bo", team="alpha")


@pytest.mark.parametrize("password", ["x" * 512, SIGNS * 20, "aA1!" * 128])
def test_the_longest_password_is_judged_by_a_short_part(password, monkeypatch):
    """All of 72 signs took zxcvbn seconds, in which nothing else of auth ran."""
    judged = []

    def recorded(text, known):
        judged.append((text, known))
        return SimpleNamespace(guesses=10**12)

    monkeypatch.setattr(adapter, "zxcvbn", recorded)
    check(password, email=f"{'e' * 200}@example.com", name="n" * 100, team="t" * 63)

    for text, known in judged:
        signs = {letter for letter in text if letter in SIGNS}
        assert len(text) <= (10 if len(signs) > 4 else 24)
        assert all(len(word) <= 24 for word in known)
