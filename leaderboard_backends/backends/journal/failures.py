"""What the operating system says of files, in the terms of the library's error tree."""

from __future__ import annotations

import errno
from typing import Final

from ...errors import BackendError, BackendFullError, BackendReadOnlyError, BackendUnavailableError

_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def not_applied(path: str, error: OSError) -> BackendError:
    """Return the error for a write, or an opening, of which nothing is there."""
    if error.errno in _FULL:
        return BackendFullError(
            f"{path}: no room left on the disk, in the quota or in the file-size limit ({error.strerror}); nothing was "
            "applied. Free some space, and the board continues to work; reads still work meanwhile."
        )
    if error.errno in _DENIED:
        return BackendReadOnlyError(
            f"{path} cannot be written ({error.strerror}): give this user read and write permission for the folder and "
            "all files in it."
        )
    return BackendUnavailableError(f"{path} failed: {error.strerror or error}. Nothing was applied. Check the disk.")
