"""How much code a board is: what the app's author writes, what we ship, what third parties ship, what is configured.

The arrows: `counting <- libraries, apps <- facts`, `study <- facts`. What the author writes is counted from apps that
run, in `benchmarks/effort`.
"""

from .counting import code_size, counts_kept
from .facts import code_facts

__all__ = ["code_facts", "code_size", "counts_kept"]
