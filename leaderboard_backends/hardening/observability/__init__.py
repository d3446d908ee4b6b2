"""What is seen of a board in work: metrics, a snapshot, alerts, spans, and the rules and the dashboard made for them.

One module an idea: `names` of metrics and labels; `recorder`, what was counted lately; `snapshot` of that in figures;
for Prometheus the `families` of metrics, the `board_metrics` of each board, with whose fault an error is and what other
parts counted against a rule, and the `collector` that hands them over, with a `probe` for the number of players;
`timing`, which takes down each call; `settings` of alerts and what each one watches, `alerts` in this process, alerting
`rules` for Prometheus and a `dashboard` for Grafana of the same settings; `spans` for OpenTelemetry.
"""
