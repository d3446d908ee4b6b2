"""Workloads: the operations that run against a board, drawn by chance that is the same everywhere.

The arrows: `scores <- population <- operations, events <- spec <- trace`. A workload is a TOML file; with a size, a
number of steps and a seed it makes one trace, which every backend replays.
"""
