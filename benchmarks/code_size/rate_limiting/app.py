"""A leaderboard in an app, the same for every backend: who updates too often is told when to come again.

python app.py memory.toml u1 Ada 1500
"""

import sys

from leaderboard_backends import RateLimitExceededError, load_leaderboards


def main(config: str, player_id: str, name: str, score: str) -> None:
    """Store the score and print where it led."""
    with load_leaderboards(config) as boards:
        weekly = boards["weekly"]
        try:
            rank = weekly.update_score(player_id, name, float(score))
        except RateLimitExceededError as error:
            sys.exit(f"{name} plays too often: again in {error.retry_after:.0f} s")
        print(f"{name} has rank {rank} of {len(weekly)}")
        for entry in weekly.get_top_n(10):
            print(f"{entry.rank:>6} {entry.username} {entry.score}")
        print("and around:", ", ".join(entry.username for entry in weekly.get_around(player_id, radius=2)))


if __name__ == "__main__":
    main(*sys.argv[1:])
