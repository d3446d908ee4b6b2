"""Workloads: the operations for every backend, and the right answers.

The arrows: `chance <- scores <- population <- operations <- rules <- spec <- trace <- model <- store`, beside them
`form <- rules` and `events <- spec`. A workload is a TOML file; with a size, a number of steps and a seed it makes one
trace, which every backend replays.
"""
