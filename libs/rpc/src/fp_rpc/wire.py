"""The protos that this process knows, as one fingerprint."""

import functools
import hashlib
import pkgutil
from importlib import import_module

import forgepoint

_DIGITS = 12


@functools.cache
def wire_revision() -> str:
    """Equal where all files of all packages are: a client and a server then know the same messages and methods."""
    found = hashlib.sha256()
    for module in sorted(each.name for each in pkgutil.walk_packages(forgepoint.__path__, "forgepoint.")):
        if module.endswith("_pb2"):
            found.update(import_module(module).DESCRIPTOR.serialized_pb)
    return found.hexdigest()[:_DIGITS]
