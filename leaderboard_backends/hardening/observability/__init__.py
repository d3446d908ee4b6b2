"""What is seen of a board in work: metrics, a snapshot, alerts, spans, and the rules and the dashboard made for them.

One module an idea: `names` of metrics and labels; `faults`, whose error it is; `recorder`, what was counted lately;
`snapshot` of that in figures; for Prometheus the `families` of metrics, the `board_metrics` of each board and the
`collector` that hands them over, with a `probe` for the number of players and the `violations` that other parts
counted; `timing`, which takes down each call; `settings` of alerts and what each one watches, `alerts` in this process,
alerting `rules` for Prometheus and a `dashboard` for Grafana of the same settings; `spans` for OpenTelemetry.
"""
