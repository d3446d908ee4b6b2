"""What happens inside the processes that are measured: each runs one job and answers with figures, or with a reason.

The arrows: `session <- service, throughput, response, drill <- worker`; `job` is what both sides know.
"""
