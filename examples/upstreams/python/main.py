"""A service behind the gateway that shows both ways to learn who a request is from.

GET /headers believes the gateway's headers, GET /token verifies its JWT. A real service has one of
the two.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bearer import Verifier
from headers import read_headers

verifier = Verifier(os.environ["JWKS_URL"], os.environ["ISSUER"], os.environ["AUDIENCE"])
routes = {"/headers": read_headers, "/token": verifier.read_token}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        read = routes.get(self.path)
        if read is None:
            self.send_error(404)
            return
        person = read(self.headers)
        if person is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(person).encode())


if __name__ == "__main__":
    host, port = os.environ["LISTEN"].split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    server.serve_forever()
