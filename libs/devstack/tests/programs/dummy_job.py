"""A job: says what it is told to say, then does what it is told to do."""

import os
import signal
import subprocess
import sys

sys.stdout.write("begins\n")
for number in range(int(os.environ.get("FP_JOB_LINES", "0"))):
    sys.stdout.write(f"line {number}\n")
match os.environ.get("FP_JOB_ACT", ""):
    case "wait":
        signal.pause()
    case "offspring":
        offspring = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        sys.stdout.write(f"{offspring.pid}\n")
        signal.pause()
    case "environment":
        sys.stdout.write("\n".join(sorted(os.environ)) + "\n")
    case "niceness":
        sys.stdout.write(f"{os.nice(0)}\n")
    case "fail":
        raise RuntimeError("as asked")
sys.exit(int(os.environ.get("FP_JOB_EXIT", "0")))
