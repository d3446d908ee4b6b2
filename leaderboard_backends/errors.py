"""Every error the library raises, in one tree.

::

    LeaderboardError
    ├── InvalidValueError (ValueError)         a value breaks a rule; nothing was written
    │   ├── InvalidScoreError
    │   ├── InvalidPlayerError
    │   ├── InvalidNameError                   a board name or a username
    │   ├── InvalidArgumentError               n, radius, a rank, a limit, low > high
    │   │   └── InvalidArgumentTypeError (TypeError)
    │   └── UpdateRefusedError                 a rule of validation refuses it; `rule` names the rule
    │       └── ScoreLimitError                the storage refuses it for validation; `standing` is what stands
    ├── RateLimitExceededError                 too many updates; nothing was applied; `retry_after` seconds
    ├── LeaderboardClosedError                 the board object was closed
    ├── UnsupportedOperationError              this backend cannot do that, and says so
    ├── BackendError                           the storage is in the way
    │   ├── BackendUnavailableError            it cannot be reached or cannot serve now; nothing was applied
    │   ├── BackendReadOnlyError               it takes no writes; nothing was applied
    │   ├── BackendFullError                   out of memory or disk; nothing was applied
    │   ├── WriteConflictError                 lost against other writers; nothing was applied
    │   ├── WriteOutcomeUnknownError           it stopped answering: the write may have been applied, or not
    │   ├── BoardMovedError                    the board is fenced; `moved_to` says where it went; nothing was applied
    │   ├── ChangesLostError                   the feed does not go back that far: read the board anew
    │   └── BoardMismatchError                 the place holds something else than this board
    └── ConfigurationError (ValueError)        a URL, a mapping or a file describes no board
        ├── UnknownSchemeError
        ├── UnknownOptionError
        ├── MissingExtraError (ImportError)
        └── PluginError

A write that raised anything but `WriteOutcomeUnknownError` was not applied, so that repeating it is safe. Where
`update_scores` split its input into batches, this holds for the batch that failed, and the error's `applied` says how
many updates of earlier batches stand.
"""

from __future__ import annotations


class LeaderboardError(Exception):
    """The root: catches everything this library raises on purpose."""


class InvalidValueError(LeaderboardError, ValueError):
    """A value breaks a rule of the contract. Raised before anything is written."""


class InvalidScoreError(InvalidValueError):
    """A score, a delta, a sum or a score bound is not an allowed number."""


class InvalidPlayerError(InvalidValueError):
    """A player id is not a string of 1 to 128 UTF-8 bytes."""


class InvalidNameError(InvalidValueError):
    """A board name or a username is not an allowed string."""


class InvalidArgumentError(InvalidValueError):
    """A count, radius, rank, limit, range or update record is not allowed."""


class InvalidArgumentTypeError(InvalidArgumentError, TypeError):
    """A count, radius, rank, limit or update record is of the wrong type."""


class UpdateRefusedError(InvalidValueError):
    """A rule of validation refuses an update or a read. Nothing was written; `rule` names the rule."""

    def __init__(self, text: str, rule: str = "") -> None:
        super().__init__(text)
        self.rule = rule


class ScoreLimitError(UpdateRefusedError):
    """A write breaks a limit that the storage checks for validation, and was not applied; `standing` is the score.

    `applied` counts the updates of an `update_scores` call that earlier batches had already applied.
    """

    applied: int = 0

    def __init__(self, text: str, standing: float | None = None) -> None:
        super().__init__(text)
        self.standing = standing


class RateLimitExceededError(LeaderboardError):
    """Too many updates of a player, or of a board. Nothing was applied; `retry_after` is the seconds to wait."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class LeaderboardClosedError(LeaderboardError):
    """The board was closed; open another one."""


class UnsupportedOperationError(LeaderboardError):
    """The backend does not offer this operation (see its `capabilities.unsupported`)."""


class BackendError(LeaderboardError):
    """The storage behind the board failed.

    `applied` counts the updates of an `update_scores` call that earlier batches had already applied.
    """

    applied: int = 0

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} The first {self.applied} updates of this call were applied." if self.applied else text


class BackendUnavailableError(BackendError):
    """The storage cannot be reached, or cannot serve now. Nothing was applied; it is safe to repeat."""


class BackendReadOnlyError(BackendError):
    """The storage takes no writes (a replica, for example). Nothing was applied."""


class BackendFullError(BackendError):
    """The storage is out of memory or disk space. Nothing was applied."""


class WriteOutcomeUnknownError(BackendError):
    """The storage stopped answering after the write was sent: it may have been applied, or not.

    It is no `BackendUnavailableError`, so that code which repeats those never applies a write twice. Read the
    player's entry before repeating the write; repeating an increment blindly can count it twice.
    """


class WriteConflictError(BackendError):
    """Other writers won every attempt at this transaction. Nothing was applied; it is safe to repeat."""


class BoardMovedError(BackendError):
    """The board is fenced and takes no writes any more. Nothing was applied; `moved_to` says where it went."""

    def __init__(self, text: str, moved_to: str = "") -> None:
        super().__init__(text)
        self.moved_to = moved_to


class ChangesLostError(BackendError):
    """The change feed does not continue from that version: too old, or of another history. Read the board anew."""


class BoardMismatchError(BackendError):
    """The board's place in the storage holds something else: another type, another order, another format."""


class ConfigurationError(LeaderboardError, ValueError):
    """A URL, a mapping, a file or a variable does not describe a board."""


class UnknownSchemeError(ConfigurationError):
    """No backend is registered for the scheme of a URL."""


class UnknownOptionError(ConfigurationError):
    """An option that the backend does not have."""


class MissingExtraError(ConfigurationError, ImportError):
    """The backend's client library is not installed; the text has the `pip install` line."""


class PluginError(ConfigurationError):
    """An installed plug-in failed to import or is no backend; the text names its distribution."""
