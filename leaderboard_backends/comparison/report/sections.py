"""The whole report in reading order: the answer, its limits, then the figures that it is based on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from ..advice import advice_sections
from ..cost.sections import cost_sections
from ..cost.source import Inputs
from ..document import Section
from ..schema import Result
from .answer import answer_of_comparison
from .extensions import Subject, plugin_sections
from .tables.backends import backends_section, sorted_set_section
from .tables.circumstances import circumstances_section, traces_section
from .tables.drills import drills_section
from .tables.growth import growth_section
from .tables.memory import memory_section
from .tables.missing import missing_section
from .tables.noise import noise_section
from .tables.operations import operations_section
from .tables.percentiles import percentiles_section
from .tables.response import response_section
from .tables.service import service_section
from .tables.throughput import throughput_section
from .tables.trust import trust_section


def sections(result: Result, today: date | None = None) -> list[Section]:
    """Return every section of a result's report, plug-ins' included; `today` decides which prices are said to be old.

    Raises `PluginError` where a section of a plug-in fails.
    """
    subject = Subject(result, Inputs.shipped(), today or datetime.now(UTC).date())
    figures = [
        service_section(result),
        growth_section(result),
        throughput_section(result),
        response_section(result),
        memory_section(result),
        drills_section(result),
        *cost_sections(result, subject.today, inputs=subject.inputs),
        operations_section(result),
        backends_section(result),
        missing_section(result),
        noise_section(result),
        percentiles_section(result),
        traces_section(result),
        circumstances_section(result),
        *plugin_sections(subject),
    ]
    first = [answer_of_comparison(result), *advice_sections(result), trust_section(result), sorted_set_section()]
    return [*first, *(replace(section, folded=True) for section in figures)]
