"""What the story leaves on the machine of somebody who tries it."""

import os
import subprocess
import sys

STORY = "import fp_flights.__main__; import sys; assert 'fp_flights.evaluate' in sys.modules"


def test_the_story_is_loaded_without_an_id_of_the_machine_in_its_users_home(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", STORY], env=environment | {"HOME": str(tmp_path)}, check=True)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == []
