"""A runtime that is ready at once and says which version it was started for."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {name: value for name, value in os.environ.items() if name.startswith("FP_SERVING_")}
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


host = os.environ.get("FP_BIND_HOST", "0.0.0.0")
ThreadingHTTPServer((host, int(os.environ["FP_HTTP_PORT"])), Answers).serve_forever()
