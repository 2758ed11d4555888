"""A CUSTOM step hands its work to an engine that exists: the documented program, on a real cluster."""

import json
import os
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bases
import cluster as commands
from fp_testkit.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


class Sink(BaseHTTPRequestHandler):
    """Takes what is put."""

    def do_PUT(self):
        self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        return


def test_the_documented_step_has_an_indexed_job_do_its_parts(cluster, tmp_path):
    """The program of the page, with a part that there is in this image."""
    commands.import_images(cluster.layout, bases.make(cluster.layout)[:1])
    text = (ROOT / "docs" / "kubernetes" / "runtimes-and-jobs.md").read_text()
    program = text.split("```python\n")[1].split("```")[0]
    assert '["python3", "-m", "risk.part"]' in program
    file = tmp_path / "on_engine.py"
    file.write_text(program.replace('"-m", "risk.part"', '"-c", "import os; os.environ[\'JOB_COMPLETION_INDEX\']"'))
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as sink:
        sink.taken = []
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        config = {"parts": 3, "credential": "secret://engine", "machine": {"image": bases.BASE}}
        url = f"http://127.0.0.1:{sink.server_address[1]}/result.json"
        spec = {"execution_id": uuid.uuid4().hex, "config": config, "result_url": url}
        secrets = {"secret://engine": cluster.layout.kubeconfig.read_text()}
        told_to_it = {"FP_JOB_SPEC": json.dumps(spec), "FP_JOB_SECRETS": json.dumps(secrets)}
        environment = {**os.environ, **told_to_it}
        asked = [sys.executable, file]
        ran = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
        sink.shutdown()

    assert ran.returncode == 0, ran.stderr
    assert [json.loads(each) for each in sink.taken] == [{"parts": 3}]
