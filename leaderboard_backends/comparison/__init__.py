"""The comparison: the same trace on every backend, checked against an independent model, then measured.

The arrows inside run one way: `result, operations <- trace <- measures, code_size, replay, gate <- worker` on the side
that measures, and `targets, machine <- run` on the side that starts it; `tables` and `render` know the result alone.
"""
