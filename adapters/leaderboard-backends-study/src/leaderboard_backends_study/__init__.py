"""The claims of a study on leaderboard storages, each judged by a result of the comparison.

The arrows: `inputs <- costs <- evidence <- money, speed <- rivals, operating, structures <- code <- sections`. A
comparison runs what is in `programs`, which `structures` and `speed` know by name.
"""
