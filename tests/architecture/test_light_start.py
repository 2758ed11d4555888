"""Libraries that a program needs for some of its work alone are imported with that work."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        # Single sign-on, and the command line that httpx brings; the judging of new passwords.
        ("fp_auth.main", {"httpx", "rich", "zxcvbn_rs_py"}),
        # Comparing predictions.
        ("fp_monitor.main", {"numpy"}),
        # The client of Kubernetes.
        ("fp_pipeline.main", {"httpx2", "lightkube"}),
        # The administration of MinIO.
        ("fp_s3", {"Crypto", "pycparser"}),
    ],
)
def test_a_program_starts_without_what_it_may_never_need(module, absent):
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not absent & {name.partition(".")[0] for name in json.loads(ran.stdout)}
