"""Where the data files of the comparison are: beside the code in an installed wheel, in `benchmarks/` in a source tree.

They are workloads, metadata of backends, plans and prices: TOML, which a user reads, copies and edits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).parent / "shipped_data"
IN_THE_SOURCE_TREE: Final = Path(__file__).parents[2] / "benchmarks"


def shipped(name: str) -> Path:
    """Return the path of a file or folder that comes with the library, such as `workloads/realtime.toml`."""
    return (SHIPPED if SHIPPED.is_dir() else IN_THE_SOURCE_TREE) / name
