"""What ONNX Runtime leaves on the machine of somebody who tries a model."""

import os
import subprocess
import sys
from pathlib import Path

from platform_client import linear_model

OPEN = "import sys; from fp_onnx import session; session.opened(open(sys.argv[1], 'rb').read())"


def test_a_session_of_the_command_leaves_no_id_of_the_machine_in_its_users_home(tmp_path):
    model, home = tmp_path / "model.onnx", tmp_path / "home"
    home.mkdir()
    model.write_bytes(linear_model())
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", OPEN, model], env=environment | {"HOME": str(home)}, check=True)
    assert [found for found in Path(home).rglob("*") if found.is_file()] == []
