"""Moving a board to another storage: copy it at rest, and verify that two boards are the same to the last tie.

Any two backends will do, plug-ins included: it needs nothing but the contract. All functions read and write in
pages of 1,000 players and never hold a whole board in memory, except in a live migration. On the command line they are
`leaderboard copy` and `leaderboard verify`; boards in the memory of a process move inside it, by these functions:

    copy_board(source, target)                  # the target holds the first players of the source at any moment
    copy_board(source, target, resume=True)     # goes on after an interruption
    found = verify_boards(source, target)       # found.equal, found.differences
    repair_board(source, target, found)         # writes what is missing or different in the target

A board that is written meanwhile moves by `Migration`, step by step; on the command line, by `leaderboard migrate`:

    migration = Migration(source, target)       # both opened with a feed
    migration.start(until_caught_up=True)       # or in a thread of its own, until the cut-over
    migration.cut_over()                        # migration.roll_back() returns
    migration.finish()

Boards also go to and from tables (`leaderboard export` and `leaderboard import`), best first, ties included:

    export_board(board, file, "csv")
    import_rows(read_table(file, "csv"), board)
"""

from .copying import CopyPlan, CopyResult, TargetLimits, copy_board, plan_copy
from .fences import State
from .importing import ImportResult, export_board, import_rows
from .mapping import ScoreMapping
from .mirroring import Behind
from .moving import Migration
from .pair import Progress
from .parallel import ParallelRun
from .parallel_trees import ParallelTrees
from .planning import MigrationPlan
from .repairing import Repair, repair_board
from .shadow import ShadowReads
from .switching import Switched
from .tables import Columns, query_rows, read_table
from .tally import OperationReport, TallyReport
from .verifying import Difference, Verification, verify_boards

__all__ = [
    "Behind",
    "Columns",
    "CopyPlan",
    "CopyResult",
    "Difference",
    "ImportResult",
    "Migration",
    "MigrationPlan",
    "OperationReport",
    "ParallelRun",
    "ParallelTrees",
    "Progress",
    "Repair",
    "ScoreMapping",
    "ShadowReads",
    "State",
    "Switched",
    "TallyReport",
    "TargetLimits",
    "Verification",
    "copy_board",
    "export_board",
    "import_rows",
    "plan_copy",
    "query_rows",
    "read_table",
    "repair_board",
    "verify_boards",
]
