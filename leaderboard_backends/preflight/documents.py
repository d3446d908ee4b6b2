"""Whether the documents that the checklist asks for exist where the settings say. Their content is not checked."""

from __future__ import annotations

from collections.abc import Callable

from ..numerals import size
from .expectations import DOCUMENTS
from .finding import Finding, failed, passed, warning
from .subject import Subject


def check_document(setting: str) -> Callable[[Subject], Finding]:
    """Return the check of one document."""

    def check(subject: Subject) -> Finding:
        name: str | None = getattr(subject.expectations, setting)
        if name is None:
            return warning(
                f"{setting} is not set",
                f"Write {DOCUMENTS[setting]}, and set {setting} in [preflight.{subject.name}] to its path or link.",
            )
        if name.startswith(("http://", "https://")):
            return passed(f"{name} (not opened)")
        return _file(subject, name)

    return check


def _file(subject: Subject, name: str) -> Finding:
    path = subject.expectations.path(name)
    try:
        found = path.stat()
    except OSError as error:
        return failed(
            f"{name}: {error.strerror}", "Write it, or correct the path, which is relative to the file of the boards."
        )
    if not path.is_file() or not found.st_size:
        return failed(f"{name} is empty or not a file", "Write it.")
    return passed(f"{name}, {size(found.st_size)}")
