"""The whole report in reading order: what follows from the figures first, then the figures, then what they rest on."""

from __future__ import annotations

from ..schema import Result
from .document import Section
from .tables.backends import backends_section
from .tables.circumstances import circumstances_section, traces_section
from .tables.drills import drills_section
from .tables.growth import growth_section
from .tables.memory import memory_section
from .tables.missing import missing_section
from .tables.noise import noise_section
from .tables.percentiles import percentiles_section
from .tables.response import response_section
from .tables.service import service_section
from .tables.throughput import throughput_section
from .tables.trust import trust_section


def sections(result: Result) -> list[Section]:
    """Return every section of a result's report."""
    return [
        # The answers: verdict, advice.
        service_section(result),
        throughput_section(result),
        response_section(result),
        memory_section(result),
        growth_section(result),
        drills_section(result),
        # Operations.
        backends_section(result),
        # Cost, then the study's claims.
        missing_section(result),
        noise_section(result),
        percentiles_section(result),
        traces_section(result),
        circumstances_section(result),
        trust_section(result),
    ]
