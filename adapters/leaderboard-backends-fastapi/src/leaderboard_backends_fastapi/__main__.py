"""`python -m leaderboard_backends_fastapi` is `leaderboard-serve`."""

from .command import main

main()
