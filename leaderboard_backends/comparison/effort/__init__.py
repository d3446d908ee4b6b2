"""Code size of a board: written by the app's author, in this library, by third parties, and lines of configuration.

The arrows: `counting <- libraries, apps <- facts`. What the author writes is counted from apps that
run, in `benchmarks/effort`.
"""

from .counting import code_size, counts_kept
from .facts import code_facts

__all__ = ["code_facts", "code_size", "counts_kept"]
