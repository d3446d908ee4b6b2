"""An evening at the arcade on the board of production.toml: what each layer does, and how the app hears of it.

python examples/production.py
LEADERBOARD_URL=redis://localhost:6379/0 python examples/production.py
"""

from pathlib import Path

from leaderboard_backends import (
    BackendReadOnlyError,
    RateLimitExceededError,
    UpdateRefusedError,
    load_leaderboards,
)
from leaderboard_backends.hardening import DegradableLeaderboard, MonitoredLeaderboard, ask, layer

CONFIG = Path(__file__).with_name("production.toml")


def main() -> None:
    """Play, cheat, hammer, look at the top twice, close the board for the night, and read the figures."""
    with load_leaderboards(CONFIG) as boards:
        board = boards["arcade"]
        for number, name in enumerate(["Ada", "Grace", "Edsger", "Barbara"]):
            board.update_score(name.lower(), name, 1_000 * number)

        try:
            board.update_score("mallory", "Mallory", 999_999)
        except UpdateRefusedError as error:
            print(f"refused by {error.rule}: {error}")

        try:
            for score in range(100):
                board.update_score("bot", "Bot", score)
        except RateLimitExceededError as error:
            print(f"too many after {score} updates: again in {error.retry_after:.0f} s")

        for _ in range(2):
            top, answer = ask(board.get_top_n, 3)
            print(f"{answer.source}: {', '.join(f'{entry.rank} {entry.username} {entry.score}' for entry in top)}")

        if degradable := layer(board, DegradableLeaderboard):
            degradable.read_only = True
        try:
            board.update_score("ada", "Ada", 5_000)
        except BackendReadOnlyError as error:
            print(f"closed for the night: {error}")

        if monitored := layer(board, MonitoredLeaderboard):
            figures = monitored.snapshot()
            print(f"{figures.players} players, {figures.updates.samples} updates, errors {dict(figures.errors)}")


if __name__ == "__main__":
    main()
