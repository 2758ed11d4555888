import pytest
from fp_cli.address import is_address, is_loopback
from fp_cli.arguments import helped, hoisted


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("models list -o json", "-o json models list"),
        ("models --output=json list --timeout 3", "--output=json --timeout 3 models list"),
        ("predict m --input x=1", "predict m --input x=1"),
        ("logs -- -o json", "logs -- -o json"),
        ("models list -o", "-o models list"),
    ],
)
def test_options_of_fp_may_stand_anywhere(line, same):
    assert hoisted(line.split()) == same.split()


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("help", "--help"),
        ("help models list", "models list --help"),
        ("models get help", "models get help"),
        ("--insecure help login", "--insecure login --help"),
        ("", ""),
    ],
)
def test_help_may_be_asked_for_by_its_word(line, same):
    assert helped(line.split()) == same.split()


@pytest.mark.parametrize("text", ["127.0.0.1:9090", "gateway.example.org:443", "[::1]:9090"])
def test_an_address_is_host_and_port(text):
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "http://host:1", "host:0", "host:70000", "a b:1"])
def test_anything_else_is_not(text):
    assert not is_address(text)


def test_loopback_is_told_from_other_hosts():
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("127.example.org")
