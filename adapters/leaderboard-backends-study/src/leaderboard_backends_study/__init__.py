"""The claims of a study on leaderboard storages, each judged by a result of the comparison."""
