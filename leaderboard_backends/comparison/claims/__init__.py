"""The study's claims, each with what was measured; and the facts of operating a board, in place of stars.

The arrows: `catalogue, findings <- evidence <- operating, rates, speed, rivals, programs, money, code, ratings, choices
<- evaluation <- sections`. A claim is in `benchmarks/claims/study.toml`; its evaluator is under its id in one of these
modules.
"""

from .catalogue import Claim, read_claims
from .evaluation import evaluate
from .findings import Finding, Verdict
from .sections import claims_sections, operations_sections

__all__ = ["Claim", "Finding", "Verdict", "claims_sections", "evaluate", "operations_sections", "read_claims"]
