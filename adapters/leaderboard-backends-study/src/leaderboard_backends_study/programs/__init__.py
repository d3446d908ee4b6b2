"""The programs that the study's claims are about: data structures used in the way that the study shows, and timed.

Each runs in a fresh process, as a backend does, and is compared with a plain sort before any of its figures counts.
They are no backends: they keep no contract, and none of their figures stands beside a board's.

The arrows: `program <- players, turns <- sorted_dict <- queries, ordered_maps, ties, entries, hardening, refusals,
migration, sharding`.
"""

from . import entries, hardening, migration, ordered_maps, queries, refusals, sharding, sorted_dict, ties

PROGRAMS = (
    *sorted_dict.PROGRAMS,
    *queries.PROGRAMS,
    *ordered_maps.PROGRAMS,
    *ties.PROGRAMS,
    *entries.PROGRAMS,
    *hardening.PROGRAMS,
    *refusals.PROGRAMS,
    *migration.PROGRAMS,
    *sharding.PROGRAMS,
)
"""All of them, in the order in which a plan has them."""
