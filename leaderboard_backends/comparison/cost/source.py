"""What costs and advice are computed from: a result, prices, a cost model; those of the library where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from ...errors import ConfigurationError
from ...toml_files import IN_THE_SOURCE_TREE, SHIPPED
from ..result_files import ResultError, read_result
from ..schema import Result
from .bill import Bill, bill
from .cluster import Cluster, cluster
from .footprint import Footprint
from .tables import ON_DEMAND, Model, PriceTable, read_table

REMEDY: Final = "name one, or make one: leaderboard compare --out RESULT.json"


def shipped_result() -> Path:
    """Return the path of the published result: in an installed wheel its copy, in a source tree that of the report."""
    if SHIPPED.is_dir():
        return SHIPPED / "result.json"
    return IN_THE_SOURCE_TREE.parent / "reports" / "results" / "full.json"


def load_result(path: Path | None = None) -> Result:
    """Read a result, the shipped one by default.

    Raises `ConfigurationError` where there is none, where the file is something else, or where no run has figures.
    """
    chosen = path or shipped_result()
    try:
        result = read_result(chosen)
    except OSError as error:
        raise ConfigurationError(f"{chosen} cannot be read ({error.strerror}): {REMEDY}") from error
    except ResultError as error:
        raise ConfigurationError(f"{chosen}: {error}") from error
    if not any(run.status == "ok" for run in result.runs):
        raise ConfigurationError(f"{chosen} has no run with figures: {REMEDY}")
    return result


class Inputs(NamedTuple):
    """What amounts are computed from in addition to the result; the shipped files by default."""

    prices: PriceTable
    model: Model
    term: str = ON_DEMAND

    @classmethod
    def shipped(cls) -> Inputs:
        """Read the files that come with the library."""
        return cls(read_table(PriceTable), read_table(Model))

    def bill(self, footprint: Footprint, players: int) -> Bill:
        """Return the bill of a backend at a size; of a sharded board, that of the cheapest cluster."""
        if footprint.sharded:
            return self.cluster(footprint, players).bill
        return bill(footprint, players, self.model, self.prices, self.term)

    def cluster(self, footprint: Footprint, players: int) -> Cluster:
        """Return the cheapest cluster for a sharded board."""
        return cluster(footprint, players, self.model, self.prices, self.term)
