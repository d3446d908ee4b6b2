"""The comparison: the same trace on every backend, checked against an independent model, then measured and reported.

The arrows between its parts run one way, on two sides that meet in `schema`, the result, alone. The side that measures:
`programs <- plan, opening <- targets <- identity <- measure <- execute`. The side that reports:
`statistics, measurements <- document <- cost <- advice <- report`.
Plug-ins add programs to be measured (`programs`), and sections to the report (`report.extensions`).
"""
