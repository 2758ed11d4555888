"""python finish.py MODULE PREFIX: what was installed below PREFIX becomes an image: a start, and the same bytes twice.

An exec form of ENTRYPOINT takes no build argument, and a shell form needs a shell: PREFIX/bin/start, whose first line
names the interpreter, needs neither.
"""

import compileall
import re
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

_START = """\
#!{prefix}/bin/python
import runpy

runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
# Of uv, beside each member of the workspace: when its source was written.
_TIMES = "uv_cache.json"
# Of packages that come with their tests, which nobody runs here.
_NOT_COMPILED = re.compile(r"/tests?/")


def main() -> None:
    module, prefix = sys.argv[1], Path(sys.argv[2])
    start = prefix / "bin" / "start"
    start.write_text(_START.format(prefix=prefix, module=module), encoding="utf-8")
    start.chmod(0o555)
    _forget_times(prefix)
    # Of uv, and anybody could write to it.
    (prefix / ".lock").unlink(missing_ok=True)
    # By one process, in the order of names: what is shared between files has a part in the bytes. Nobody changes the
    # sources of an image, so that none is compared with its bytecode.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(prefix / "lib", rx=_NOT_COMPILED, quiet=1, workers=1, invalidation_mode=mode):
        sys.exit("not everything could be compiled")


def _forget_times(prefix: Path) -> None:
    for times in prefix.glob(f"lib/*/site-packages/*.dist-info/{_TIMES}"):
        times.unlink()
        record = times.with_name("RECORD")
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if f"/{_TIMES}," not in line), encoding="utf-8")


if __name__ == "__main__":
    main()
