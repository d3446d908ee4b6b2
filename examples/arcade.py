"""An arcade's high scores over HTTP, on whichever backend the first argument names, and the port that the second does.

python examples/arcade.py
python examples/arcade.py 'zodb:///tmp/arcade.fs?board=arcade&keep=best'

curl -X PUT 'localhost:8080/ada?name=Ada&score=1815'
curl localhost:8080/         # the top ten
curl localhost:8080/ada      # Ada and her neighbours
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from leaderboard_backends import BackendError, LeaderboardBackend, open_leaderboard


class Arcade(BaseHTTPRequestHandler):
    """Three routes over one board."""

    board: LeaderboardBackend

    def do_PUT(self) -> None:
        """Store a score."""
        self.respond(lambda player, query: self.board.update_score(player, query["name"], float(query["score"])))

    def do_GET(self) -> None:
        """Show the top ten, or a player's neighbours."""
        self.respond(lambda player, _: self.board.get_around(player) if player else self.board.get_top_n(10))

    def respond(self, work: Callable[[str, dict[str, str]], object]) -> None:
        """Send what `work` returns, or its error with the status that fits."""
        url = urlsplit(self.path)
        body: object
        try:
            status, body = 200, work(unquote(url.path[1:]), dict(parse_qsl(url.query)))
        except BackendError as error:
            status, body = 503, str(error)
        except (ValueError, KeyError) as error:  # every refused value is a ValueError
            status, body = 400, str(error)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() + b"\n")


def main(url: str = "memory://arcade", port: str = "8080") -> None:
    """Serve the board at `url` until Ctrl-C."""
    with open_leaderboard(url) as Arcade.board, ThreadingHTTPServer(("127.0.0.1", int(port)), Arcade) as server:
        print(f"{Arcade.board} on port {server.server_port}", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
