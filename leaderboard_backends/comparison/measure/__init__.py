"""What happens inside the processes that are measured: each runs a job and returns figures, or why there are none.

The arrows: `processes <- session <- clients <- service, rates, churn, recovery <- worker`.
"""
