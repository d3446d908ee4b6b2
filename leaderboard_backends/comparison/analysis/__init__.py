"""What follows from a result: growth with size, crossovers of two backends, and what changed since an older result.

The arrows run one way: `schema <- readings <- statistics <- crossover, regression, scaling`. Nothing here measures.
"""
