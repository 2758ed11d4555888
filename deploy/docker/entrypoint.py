"""python entrypoint.py MODULE FILE: write the program that an image starts.

An exec form of ENTRYPOINT takes no build argument, and a shell form needs a shell: a file whose first line names the
interpreter needs neither.
"""

import sys
from pathlib import Path

_TEXT = """\
#!{interpreter}
import runpy

runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""


def main() -> None:
    module, file = sys.argv[1], Path(sys.argv[2])
    file.write_text(_TEXT.format(interpreter=Path(sys.prefix) / "bin" / "python", module=module), encoding="utf-8")
    file.chmod(0o555)


if __name__ == "__main__":
    main()
