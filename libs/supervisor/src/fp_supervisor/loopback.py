"""Ports of the loopback: which are free, and which the platform of a folder has recorded."""

import json
import socket
from pathlib import Path

HOST = "127.0.0.1"
RECORD = "ports.json"
"""In the data folder: the port by its owner's name."""


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection in TIME_WAIT does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def recorded(folder: Path) -> dict[str, int]:
    """By name; none where the platform never ran."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {name: port for name, port in content.items() if isinstance(port, int)}
