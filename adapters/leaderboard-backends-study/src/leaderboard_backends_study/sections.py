"""The study's claims as sections of a report."""

from __future__ import annotations

from leaderboard_backends.comparison.claims import claims_sections as of_result
from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.report.extensions import Subject


def claims_sections(subject: Subject) -> list[Section]:
    """Return the section of the study's claims."""
    return of_result(subject.result, subject.inputs)
