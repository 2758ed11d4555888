import socket

import pytest
from fp_supervisor import unix_path


@pytest.mark.parametrize("depth", [1, 12])
def test_a_socket_binds_and_connects_whatever_the_length_of_its_path(tmp_path, depth):
    folder = tmp_path.joinpath(*(["a_folder_with_a_long_name"] * depth))
    folder.mkdir(parents=True)
    path = folder / "supervisor.sock"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with unix_path.address(path) as address:
            server.bind(address)
        server.listen()
        with unix_path.address(path) as address:
            client.connect(address)

    assert path.is_socket()


def test_an_absent_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError), unix_path.address(tmp_path / ("x" * 200) / "a.sock"):
        pass
