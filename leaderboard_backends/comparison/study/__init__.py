"""The programs that the study's claims are about: data structures used in the way that the study shows, and timed.

Each runs in a fresh process, as a backend does, and is compared with a plain sort before any of its figures counts.
They are no backends: they keep no contract, and none of their figures stands beside a board's.

The arrows: `program <- players, turns <- sorted_dict <- queries, ordered_maps, ties, entries, hardening, refusals,
migration, sharding <- catalogue`.
"""

from .catalogue import find_program, programs, run, run_program
from .program import Findings, Program, WrongProgramError

__all__ = ["Findings", "Program", "WrongProgramError", "find_program", "programs", "run", "run_program"]
