"""The `leaderboard` command. Importing this module needs the standard library alone; the work is in the modules beside.

Exit codes: 0, 1 for an error that the one line on stderr explains, 2 for a misspelt command line, 130 for Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..installing import install_extra


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `leaderboard` command with `arguments`, those of the process by default; ends in `SystemExit`.

    Returns 1, having said the `pip install` line, where the command line's own library is missing.
    """
    try:
        from .group import leaderboard  # noqa: PLC0415 - click is an extra, and its absence has to be explained
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
            raise
        print(  # noqa: T201 - this is a command, and click is not there to print
            f"Error: leaderboard needs {error.name}, which is not installed: {install_extra('tools')}",
            file=sys.stderr,
        )
        return 1
    code: int = leaderboard.main(None if arguments is None else list(arguments), prog_name="leaderboard")
    return code
