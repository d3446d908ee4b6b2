"""Whatever the documentation shows runs: the Python of README and docs, and the examples in docstrings."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import leaderboard_backends

ROOT = Path(__file__).parent.parent
RUNNER = Path(__file__).with_name("run_documentation.py")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PACKAGE = Path(leaderboard_backends.__file__).parent
MODULES = sorted(
    ".".join([PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)


def run(page: Path, place: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's blocks in a process and a folder of their own, without the boards of this environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADERBOARD_")}
    return subprocess.run(
        [sys.executable, "-W", "error", RUNNER, page],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=place,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_text_speaks_of_a_study_that_its_reader_does_not_know() -> None:
    """Only a plug-in is about it, which says what it is."""
    texts = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".html", ".js")]
    texts += [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*"), *ROOT.glob("benchmarks/*/*.toml")]
    texts += [path for path in ROOT.glob("adapters/*/README.md") if path.parent.name != "leaderboard-backends-study"]
    assert [path for path in texts if path.is_file() and "the study" in path.read_text(encoding="utf-8").lower()] == []


def test_the_readme_shows_python() -> None:
    assert ROOT / "README.md" in PAGES
    assert "\n```python\n" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/which-backend.md"])
def test_a_reader_is_told_to_open_only_files_that_are_trusted(page: str) -> None:
    """A ZODB file runs code as it is opened."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.search(r"open only files that you trust.{1,90}ZODB file", text, re.IGNORECASE | re.DOTALL)


def test_the_class_that_proves_a_backend_does_so_when_pytest_collects_it(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "prove-a-backend.md").read_text(encoding="utf-8")
    blocks = [block for block in text.split("```python\n")[1:] if "BackendConformance" in block]
    assert len(blocks) == 1
    (tmp_path / "test_mine.py").write_text(blocks[0].partition("```")[0], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-k", "ranks", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_of_a_module_hold(module: str) -> None:
    failed, _ = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS)
    assert failed == 0


# ---------------------------------------------------------------------- the runner itself

GOOD = """
# A page

```python
first = 1
```

Text, and a list:

- with a block

  ```python
  second = first + 1
  ```

```sh
exit 1
```

```toml
not = python
```

````python
text = '''
```python
'''
````

```pycon
>>> second
2
>>> third = second + 1
```

```python title="last"
from pathlib import Path
Path("written").write_text(f"{first}{second}{third}")
```
"""


def test_blocks_run_in_order_in_one_namespace_and_in_a_folder_of_their_own(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(GOOD)
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "written").read_text() == "123"


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ("```python\n1 / 0\n```\n", 'page.md", line 4'),
        ("```python\nsyntax error\n```\n", 'page.md", line 4'),
        ("```pycon\n>>> 1 + 1\n3\n```\n", 'page.md", line 4'),
        ("```python\nopen('/dev/null')\n```\n", "ResourceWarning: unclosed file"),
        ("```python\nraise SystemExit\n```\n", "a block ended the process"),
    ],
)
def test_a_block_that_fails_fails_the_page_at_its_own_line(tmp_path: Path, block: str, shown: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Title\n\n{block}")
    done = run(page, tmp_path)
    assert done.returncode != 0
    assert shown in done.stdout + done.stderr
