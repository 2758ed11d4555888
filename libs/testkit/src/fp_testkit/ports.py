"""Ports for programs that a test starts by themselves."""

import random

from fp_devstack.ports import HIGHEST, LOWEST
from fp_supervisor.loopback import is_free


def free_port() -> int:
    """A port of the loopback where nobody listens.

    Not one that the kernel would give: between the choice and the program's listening an outgoing connection of any
    other program could take it.
    """
    source = random.SystemRandom()
    while not is_free(port := source.randrange(LOWEST, HIGHEST)):
        """Another one."""
    return port
