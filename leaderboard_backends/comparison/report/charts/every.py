"""All charts of a result."""

from __future__ import annotations

from collections.abc import Iterator

from ...document import Chart
from ...schema import Result
from .distribution import distributions
from .drills import disk, recovery
from .memory import memory
from .response import response
from .scaling import scaling
from .throughput import throughput


def every_chart(result: Result) -> Iterator[Chart]:
    """Yield the charts that there are figures for."""
    for make in (scaling, distributions, throughput, response, memory, disk, recovery):
        yield from make(result)
