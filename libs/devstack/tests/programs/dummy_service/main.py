import http.server
import json
import os
import signal
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(3)
        body = json.dumps({"environment": dict(os.environ), "arguments": sys.argv, "pid": os.getpid()}).encode()
        self.send_response(503 if self.path == "/readyz" and "FP_NEVER_READY" in os.environ else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["FP_HTTP_PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write("dummy listens\n")
    server.serve_forever(poll_interval=0.01)
    sys.stdout.write("dummy ends\n")
