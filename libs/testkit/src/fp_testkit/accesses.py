"""A service's rights at the stores, in its own tests: a right that is missing is found there."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fp_devstack.store_access import StoreAccess

_OF_SERVICE: Final = re.compile(r"/services/(\w+)/tests/")


def access_for(test: Path) -> "StoreAccess | None":
    """What the service may do whose tests these are; None for tests of nobody, which may do everything."""
    found = _OF_SERVICE.search(test.as_posix())
    if found is None:
        return None
    from fp_devstack.supervisor.catalog import SERVICES

    return next((service.access for service in SERVICES if service.noun == found[1]), None)
