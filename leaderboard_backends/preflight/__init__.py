"""The study's "Before Launch" list, run against a configured board: `leaderboard preflight --config FILE`.

Boards of its own are made where the configured one is, with the same layers around them, and are gone afterwards; the
configured board is never written. What a board is expected to bear stands in the same file, a table `[preflight.NAME]`.

`expectations` are those tables, and `finding` what a check answers. `scratch` has the boards of a run, `traffic` the
players and updates that keep the board's own rules, `subject` what every check may ask for. One module a check, or a
few of a kind: `storage`, `configured`, `workers`, `load`, `rate_limit`, `validation`, `metrics`, `alerts`,
`persistence`, `memory`, `access`, `backup`, `degradation`, `documents`, `patterns`; `kinds` tells where a board's data
is, `server` asks a Redis or Valkey about itself, `troubled` is a board for drills. `run` has the checks in order.
`contradictions` is for `leaderboard config check`, which opens nothing.

The arrows: `finding, expectations, traffic, troubled, server <- kinds <- scratch <- subject <- the checks <- run`.
"""
