"""The programs that the study's claims are about: data structures used in the way that the study shows, and timed.

Each runs in a fresh process, as a backend does, and is compared with a plain sort before any of its figures counts.
The arrows: `board <- maps, misuse, patterns`.
"""

from . import board, maps, misuse, patterns

PROGRAMS = (*board.PROGRAMS, *misuse.PROGRAMS, *maps.PROGRAMS, *patterns.PROGRAMS)
"""All of them, in the order in which a result has them."""
