from ipaddress import ip_address, ip_network

import pytest
from fp_kernel import InvalidArgument
from fp_notification.domain.targets import AddressPolicy, Forbidden, mask, parse_target

STRICT = AddressPolicy()
DEV = AddressPolicy((ip_network("127.0.0.0/8"), ip_network("::1/128")))
HTTPS = parse_target("https://hooks.example.com/x", "target")
HTTP = parse_target("http://hooks.example.com/x", "target")

INSIDE = [
    "127.0.0.1", "10.0.0.5", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1", "198.18.0.1", "192.0.2.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1",
    "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_called(address):
    with pytest.raises(Forbidden):
        STRICT.choose(HTTPS, [address])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_called(address):
    assert [ip_address(each) for each in STRICT.choose(HTTPS, [address])] == [ip_address(address)]


def test_one_address_inside_forbids_the_name():
    with pytest.raises(Forbidden):
        STRICT.choose(HTTPS, ["93.184.216.34", "10.0.0.1"])


def test_a_name_without_addresses_is_not_called():
    with pytest.raises(Forbidden):
        STRICT.choose(HTTPS, [])


def test_without_tls_only_what_was_allowed_is_called():
    with pytest.raises(Forbidden):
        STRICT.choose(HTTP, ["93.184.216.34"])
    with pytest.raises(Forbidden):
        DEV.choose(HTTP, ["93.184.216.34"])
    assert DEV.choose(HTTP, ["127.0.0.1", "::1"]) == ("127.0.0.1", "::1")


def test_what_is_allowed_opens_nothing_else():
    assert DEV.choose(HTTPS, ["::1"]) == ("::1",)
    for address in ("10.0.0.1", "169.254.169.254", "fe80::1"):
        with pytest.raises(Forbidden):
            DEV.choose(HTTPS, [address])


@pytest.mark.parametrize(
    "bad",
    [
        "", "hooks.example.com", "ftp://a.test/", "file:///etc/passwd", "https://", "https://user@a.test/",
        "https://u:p@a.test/", "https://a.test/#x", "https://a.test:0/", "https://a.test:99999/", "https://a b/",
        "https://a.test/\r\nx: y", "https://[fe80::1%25eth0]/", "https://ü.test/", f"https://a.test/{'x' * 2048}",
        "https://a..test/",
    ],
)  # fmt: skip
def test_what_is_no_target_is_refused_by_name(bad):
    with pytest.raises(InvalidArgument) as caught:
        parse_target(bad, "channels[1].target")
    assert caught.value.fields[0].field == "channels[1].target"


def test_a_target_keeps_its_query_and_names_its_port():
    target = parse_target("https://a.test:8443/x?y=1", "target")
    assert (target.authority, target.path, target.port) == ("a.test:8443", "/x?y=1", 8443)
    assert parse_target("https://[2606::1]", "target").authority == "[2606::1]"


def test_what_is_shown_of_a_target_is_its_host():
    assert mask("https://a.test/secret/path?token=1") == "https://a.test/..."
    assert mask("") == ""
