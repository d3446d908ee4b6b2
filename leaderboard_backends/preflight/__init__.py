"""A checklist to run against a configured board before a launch: `leaderboard preflight --config FILE`.

Scratch boards are made on the storage of the configured board, with the same layers around them, and deleted
afterwards; the configured board is never written. A table `[preflight.NAME]` in the same file says what load to expect.

`expectations` reads those tables, and `finding` is the result of a check. `scratch` has the boards of a run, `traffic`
the players and updates that keep the board's own rules, `subject` what every check may ask for. One module per check,
or per few related ones: `configured`, `workers`, `load`, `rate_limit`, `validation`, `metrics`, `alerts`,
`persistence`, `replication`, `memory`, `access`, `backup`, `migration`, `degradation`, `documents`, `patterns`. `kinds`
says where a board's data is, `server` asks a Redis or Valkey about itself, `troubled` simulates a slow or failing
board. `run` has the checks in order, and whether the storage answers. `contradictions` is for `leaderboard config
check`, which opens nothing.

The arrows: `finding, expectations, traffic, troubled, server <- kinds <- scratch <- subject <- the checks <- run`.
"""
