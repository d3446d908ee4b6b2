"""A leaderboard in an app, the same for every backend, that leaves its metrics in a file for Prometheus.

python app.py memory.toml u1 Ada 1500

An app that stays up calls `start_http_server(8000)` in place of the last line.
"""

import sys

from prometheus_client import REGISTRY, write_to_textfile

from leaderboard_backends import load_leaderboards


def main(config: str, player_id: str, name: str, score: str) -> None:
    """Store the score and print where it led."""
    with load_leaderboards(config) as boards:
        weekly = boards["weekly"]
        rank = weekly.update_score(player_id, name, float(score))
        print(f"{name} has rank {rank} of {len(weekly)}")
        for entry in weekly.get_top_n(10):
            print(f"{entry.rank:>6} {entry.username} {entry.score}")
        print("and around:", ", ".join(entry.username for entry in weekly.get_around(player_id, radius=2)))
        write_to_textfile("leaderboard.prom", REGISTRY)


if __name__ == "__main__":
    main(*sys.argv[1:])
