import socket

import pytest
from fp_supervisor import loopback


def test_a_port_is_free_until_somebody_listens_there():
    with socket.socket() as server:
        server.bind((loopback.HOST, 0))
        port = server.getsockname()[1]
        assert not loopback.is_free(port)

    assert loopback.is_free(port)


@pytest.mark.parametrize(
    ("text", "known"), [(None, {}), ('{"edge.public": 20001, "edge.http": null}', {"edge.public": 20001})]
)
def test_recorded_ports_are_those_of_the_folder(tmp_path, text, known):
    if text is not None:
        (tmp_path / loopback.RECORD).write_text(text)

    assert loopback.recorded(tmp_path) == known
