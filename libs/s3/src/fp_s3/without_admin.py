"""The client library without its part for administrators, which nothing here uses.

Importing the library imports that part, and with it pycryptodome and a parser of C: 3 MiB in each process. Imported
before the library, this module takes its place.
"""

import sys
from types import ModuleType

_NAME = "minio.minioadmin"

if _NAME not in sys.modules:
    _empty = ModuleType(_NAME)
    _empty.MinioAdmin = None  # type: ignore[attr-defined]
    sys.modules[_NAME] = _empty
