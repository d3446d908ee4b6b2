"""The whole report in reading order: the answer, its limits, then the figures that it is based on; and its charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from ..cost.source import Inputs
from ..document import Chart, Section
from ..measurements import Measurements
from ..schema import Result
from .advice import advice_section, answer_of_comparison
from .circumstances import backends_section, circumstances_section, traces_section
from .cost import cost_plots, cost_sections
from .extensions import Subject, plugin_sections
from .growth import cluster_sections, growth_plots, growth_section
from .memory import churn_sections, memory_plots, memory_section
from .page import report_extra
from .plots import Plot
from .rates import response_plots, response_section, throughput_plots, throughput_section
from .recovery import operations_section, recovery_plots, recovery_section
from .service import distribution_plots, hardening_sections, percentiles_section, service_section
from .tables import section
from .trust import missing_section, noise_section, trust_section

PLOTS: Final[dict[str, Callable[[Measurements], Iterator[Plot]]]] = {
    "growth": growth_plots,
    "service-times": distribution_plots,
    "throughput": throughput_plots,
    "response-times": response_plots,
    "memory-and-disk": memory_plots,
    "crash-recovery": recovery_plots,
    "cost": cost_plots,
}
"""What has the charts of a section, by its name, in the order in which charts are best read."""


def sections(result: Result, today: date | None = None, *, plug_ins: bool = True) -> list[Section]:
    """Return every section of a result's report; `today` decides which prices are said to be old.

    Raises `PluginError` where a section of a plug-in fails.
    """
    m = Measurements(result)
    subject = Subject(m, Inputs.read(), today or datetime.now(UTC).date())
    figures = [
        service_section(m),
        growth_section(m),
        throughput_section(m),
        response_section(m),
        memory_section(m),
        recovery_section(m),
        *hardening_sections(m),
        *churn_sections(m),
        *cluster_sections(m),
        *cost_sections(m, subject.today, inputs=subject.inputs),
        operations_section(m),
        backends_section(m),
        missing_section(m),
        noise_section(m),
        percentiles_section(m),
        traces_section(result),
        circumstances_section(result),
        *(plugin_sections(subject) if plug_ins else ()),
    ]
    first = [answer_of_comparison(m), advice_section(m), trust_section(m), section("sorted-set")]
    return [*first, *(replace(figure, folded=True) for figure in figures)]


def charts(result: Result) -> dict[str, list[Chart]]:
    """Return all charts that a result has figures for, by the section that they are about.

    Raises `MissingExtraError` without Altair.
    """
    with report_extra():
        from .drawing import chart  # noqa: PLC0415 - Altair is an extra, and takes a while to import
    m = Measurements(result)
    return {name: [chart(plot) for plot in plots(m)] for name, plots in PLOTS.items()}


def illustrated(sections: Sequence[Section], charts: Mapping[str, Sequence[Chart]]) -> list[Section]:
    """Return the sections with their charts."""
    return [replace(one, charts=[*one.charts, *charts.get(one.name, ())]) for one in sections]


def chart_files(charts: Iterable[Chart]) -> dict[str, bytes]:
    """Return each chart as SVG for a light and for a dark page: `NAME-light.svg`.

    Raises `MissingExtraError` without vl-convert.
    """
    with report_extra():
        from . import drawing  # noqa: PLC0415 - as above
    return dict(drawing.chart_files(charts))
