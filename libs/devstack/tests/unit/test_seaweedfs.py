import os
import socket
from pathlib import Path

from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.stores import seaweedfs
from fp_devstack.stores.seaweedfs import SeaweedFs


def test_dead_sockets_of_killed_stores_are_removed_and_live_and_young_ones_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has a limit
    names = [f"seaweedfs-filer-grpc-{number}.sock" for number in (1, 2, 3)]
    servers = [socket.socket(socket.AF_UNIX) for _ in names]
    for server, name in zip(servers, names, strict=True):
        server.bind(name)
        server.listen()
    dead, live, young = names
    servers[0].close()
    servers[2].close()
    for name in (dead, live):
        os.utime(name, (0, 0))
    monkeypatch.setattr(seaweedfs, "_SOCKETS", Path())
    store = SeaweedFs(tmp_path, Ports(tmp_path / "p"), Secrets(tmp_path / "s"), {}, durable=False, patience=1.0)
    store.clean()
    servers[1].close()

    assert sorted(path.name for path in tmp_path.glob("*.sock")) == sorted((live, young))
