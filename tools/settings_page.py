"""Write `docs/settings.md`: the options of every backend, and the settings of the parts around a board.

    python tools/settings_page.py            write the page
    python tools/settings_page.py --check    write nothing; exit with 1 where the page is not what the code makes

The texts are those of the options themselves, which errors about unknown options show, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from leaderboard_backends import registry
from leaderboard_backends.location import Option
from leaderboard_backends.preflight.expectations import OPTIONS as EXPECTATIONS
from leaderboard_backends.preflight.expectations import SECTION

PAGE: Final = Path(__file__).parents[1] / "docs" / "settings.md"
INTRODUCTION: Final = f"""\
# Settings

Every option of a board, and every setting of the parts around it; the default is in parentheses. Options of a board go
in the URL's query, in the board's table of a file, or in keyword arguments. A part is a table of its own:
`validation = {{ score_max = 1000 }}`. `leaderboard config check` reports what is unknown or wrong, and
what is allowed. Times are in seconds, and have an upper bound: most of them 1,000,000,000, a time-out of a server
1,000,000.

Every board has `board` (its name), `order` (`descending`, or `ascending`: the lowest score is the best) and `keep`
(`last`, or `best`: a score that is not better is ignored). The options of `sqlite://` are on
[the page of the plug-in](../adapters/leaderboard-backends-sqlite/README.md#use).

`tools/{Path(__file__).name}` writes this page from the code (`make faces`).
"""


def page() -> str:
    """Return the text of the page."""
    ours = [scheme for scheme in registry.schemes() if registry.is_built_in(scheme)]
    by_class = groupby(sorted(ours, key=_class_name), _class_name)
    backends = sorted([sorted(schemes) for _, schemes in by_class])
    sections = [
        INTRODUCTION,
        "## Backends",
        *(_section(_urls(schemes), registry.backend_class(schemes[0]).options) for schemes in backends),
        "## Parts around a board",
        *(_section(f"`{name}`", registry.wrapper_class(name).options) for name in registry.wrapper_names()),
        "## Checks before launch",
        _section(f"`[{SECTION}.NAME]`", EXPECTATIONS),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _class_name(scheme: str) -> str:
    return registry.backend_class(scheme).__qualname__


def _urls(schemes: list[str]) -> str:
    return ", ".join(f"`{scheme}://`" for scheme in schemes)


def _section(title: str, options: Mapping[str, Option]) -> str:
    return "\n".join([f"### {title}", "", *_rows(options)])


def _rows(options: Mapping[str, Option]) -> Iterator[str]:
    yield "| setting | meaning |"
    yield "| --- | --- |"
    for name, option in options.items():
        yield f"| `{name}` | {option.help.replace('|', ' or ')} |"


def main() -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" in sys.argv:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
