"""Which backend, for a need that somebody states: from measured figures, with what it costs and what would change it.

The arrows: `need, records <- times, load <- candidates <- clusters <- answer <- thresholds <- sections,
grid`; `quantities` reads what a user types, and `clusters` adds a board over several servers that no result has.
"""

from .answer import Advice, advise
from .candidates import Candidate, Reason
from .need import Need
from .sections import advice_sections, answer_section
from .thresholds import Threshold

__all__ = ["Advice", "Candidate", "Need", "Reason", "Threshold", "advice_sections", "advise", "answer_section"]
