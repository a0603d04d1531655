"""A service that can be ready, tell its environment, and fail when asked; run as a script."""

import http.server
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

NAME = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    """`/ready`, `/environment` and `/die`."""

    def do_GET(self) -> None:
        if self.path == "/die":
            sys.stderr.write("something else\nthe reason why it died\n")
            sys.stderr.flush()
            os._exit(7)
        body = b"{}"
        if self.path == "/environment":
            told = {name: text for name, text in os.environ.items() if name.startswith("SMQ_")}
            body = json.dumps(told).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)


def stop(_number: int, _frame: FrameType | None) -> None:
    """Write down that it is this one's turn to stop."""
    with Path(os.environ["STAND_IN_JOURNAL"]).open("a") as journal:
        journal.write(NAME + "\n")
    if os.environ.get("STAND_IN_HANGS") == NAME:
        time.sleep(60)
    os._exit(0)


if os.environ.get("STAND_IN_FAILS") == NAME:
    raise SystemExit("it was told to fail")
signal.signal(signal.SIGTERM, stop)
port = int(os.environ[f"SMQ_{NAME.upper()}_HTTP_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
