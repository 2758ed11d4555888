import socket

import pytest
from fp_devstack.ports import HIGHEST, LOWEST, Ports
from fp_supervisor.loopback import HOST, is_free


def listen(port):
    server = socket.socket()
    server.bind((HOST, port))
    server.listen()
    return server


def test_a_port_is_kept_across_instances(tmp_path):
    path = tmp_path / "ports.json"
    first = Ports(path).take("auth.grpc")

    assert Ports(path).take("auth.grpc") == first
    assert LOWEST <= first < HIGHEST


def test_names_get_different_ports(tmp_path):
    ports = Ports(tmp_path / "ports.json")

    assert len({ports.take(f"n{number}") for number in range(50)}) == 50


def test_a_port_that_is_taken_meanwhile_is_chosen_again(tmp_path):
    ports = Ports(tmp_path / "ports.json")
    before = ports.take("a")
    with listen(before):
        after = ports.take("a")

    assert after != before
    assert ports.recorded("a") == after


def test_every_offset_of_a_port_is_free(tmp_path):
    ports = Ports(tmp_path / "ports.json")
    port = ports.take("admin", offsets=(0, 10_000))

    assert is_free(port)
    assert is_free(port + 10_000)
    with listen(port + 10_000):
        assert ports.take("admin", offsets=(0, 10_000)) != port


def test_a_forgotten_port_is_not_kept(tmp_path):
    ports = Ports(tmp_path / "ports.json")
    ports.take("a")
    ports.forget("a")

    assert ports.recorded("a") is None


@pytest.mark.parametrize("content", ["[]", "3"])
def test_a_file_that_holds_no_ports_is_not_taken_for_an_empty_one(tmp_path, content):
    path = tmp_path / "ports.json"
    path.write_text(content)

    with pytest.raises(TypeError):
        Ports(path).take("a")
