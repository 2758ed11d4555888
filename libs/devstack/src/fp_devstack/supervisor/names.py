"""Names of runtimes and jobs: their callers' choice, so they are checked before they become files and keys."""

import re
from urllib.parse import quote

from fp_kernel.errors import invalid
from fp_supervisor import ProcessSpec

from fp_devstack.supervisor import environment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,159}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_ARGUMENTS, _ARGUMENT_BYTES = 64, 8192


def check(name: str, spec: ProcessSpec) -> None:
    """Raises InvalidArgument that names the bad field."""
    if not _NAME.fullmatch(name):
        raise invalid("name", "must start with a letter or digit and hold at most 160 of letters, digits and ._:/-")
    if spec.group and not _NAME.fullmatch(spec.group):
        raise invalid("group", "must be a name of the same form")
    if not _MODULE.fullmatch(spec.module):
        raise invalid("module", "must be a dotted Python name")
    if len(spec.arguments) > _ARGUMENTS or any(len(each) > _ARGUMENT_BYTES for each in spec.arguments):
        raise invalid("arguments", f"at most {_ARGUMENTS} of at most {_ARGUMENT_BYTES} bytes")
    environment.check(spec.environment)


def file_name(name: str) -> str:
    return quote(name, safe="")
