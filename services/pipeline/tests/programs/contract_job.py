"""A job that does as its specification says: `says` lines, `takes` mebibytes, `lasts` for ever, or ends with `code`."""

import json
import os
import sys
import time

told = json.loads(os.environ["FP_JOB_SPEC"])
for line in told.get("says", ()):
    sys.stdout.write(line.replace("{secrets}", os.environ.get("FP_JOB_SECRETS", "")) + "\n")
sys.stdout.flush()
taken = b"x" * (told.get("takes", 0) << 20)
while told.get("lasts"):
    time.sleep(0.1)
sys.exit(told.get("code", 0))
