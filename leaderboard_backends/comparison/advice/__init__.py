"""Which backend, for a need that somebody states: from measured figures, with what it costs and what would change it.

The arrows: `need <- performance <- candidates <- clusters <- thresholds <- answer <- grid`; `clusters` adds a board
over several servers that no result has.
"""

from .answer import Advice, advise
from .candidates import Candidate, Reason
from .need import Need
from .thresholds import Threshold

__all__ = ["Advice", "Candidate", "Need", "Reason", "Threshold", "advise"]
