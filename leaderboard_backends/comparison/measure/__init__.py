"""What happens inside the processes that are measured: each runs a job and returns figures, or why there are none.

The arrows: `session <- service, throughput, response, drill <- worker`; `job` is what both sides know.
"""
