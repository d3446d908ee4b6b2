"""All parts of the kit in one class."""

from __future__ import annotations

from .bulk import BulkPart
from .capabilities import CapabilitiesPart
from .changes import ChangesPart
from .histories import HistoriesPart
from .increments import IncrementsPart
from .isolation import IsolationPart
from .iteration import IterationPart
from .life import LifePart
from .lookups import LookupsPart
from .machine import MachinePart
from .order import OrderPart
from .processes import ProcessesPart
from .ranges import RangesPart
from .removal import RemovalPart
from .scale import ScalePart
from .scores import ScoresPart
from .texts import TextsPart
from .threads import ThreadsPart
from .updates import UpdatesPart
from .values import ValuesPart


class BackendConformance(
    ScalePart,
    MachinePart,
    ProcessesPart,
    HistoriesPart,
    ThreadsPart,
    ChangesPart,
    CapabilitiesPart,
    IsolationPart,
    TextsPart,
    IterationPart,
    ScoresPart,
    RangesPart,
    LookupsPart,
    RemovalPart,
    BulkPart,
    IncrementsPart,
    OrderPart,
    UpdatesPart,
    ValuesPart,
    LifePart,
):
    """The contract as tests.

    Subclass it as `Test…`, give `make`, and run pytest:

        class TestMyBoard(BackendConformance):
            def make(self, **options):
                return MyBoard(**options)

    `options` are `name`, `order` and `keep`, and `feed` where the backend declares a change feed. A board is made
    empty: the kit gives each a name that nobody has, and deletes and closes every board it made. Where the data
    outlives the board object, and `make` with the same name would not find it, override `reopen` too. `seed`,
    `examples`, `steps`, `bulk`, `rounds`, `histories` and `players` set how much is run.
    """
