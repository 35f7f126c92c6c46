"""api.py FILE: stands for the part of GitHub's API that records deployments. FILE gets its port. It prints every
request that has the right token, by its path and what tells it from others, and refuses the rest."""
import http.server
import json
import sys


class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        allowed = self.headers["Authorization"] == "Bearer token"
        if allowed:
            keys = ("environment", "ref", "state", "environment_url")
            print(self.path, *(f"{key}={body[key]}" for key in keys if key in body), flush=True)
        self.send_response(201 if allowed else 403)
        self.end_headers()
        self.wfile.write(b'{"url": "http://x/42", "id": 42, "node_id": "x"}')

    def log_message(self, *words):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Api)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
server.serve_forever()
