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
    │       └── ScoreLimitError                the storage refuses it for validation; `standing`: current score
    ├── RateLimitExceededError                 too many updates; nothing was applied; `retry_after` seconds
    ├── LeaderboardClosedError                 the board object was closed
    ├── UnsupportedOperationError              this backend cannot do that, and says so
    ├── BackendError                           the storage failed
    │   ├── BackendUnavailableError            it cannot be reached or cannot serve now; nothing was applied
    │   │   └── ShardsMissingError             some shards did not answer; `missing` has their numbers
    │   ├── BackendReadOnlyError               it takes no writes; nothing was applied
    │   ├── BackendFullError                   out of memory or disk; nothing was applied
    │   ├── WriteConflictError                 conflicted with other writers; nothing was applied
    │   ├── WriteOutcomeUnknownError           it stopped answering: the write may have been applied, or not
    │   │   └── RankUnknownError               the write was applied, but what it returns is not known
    │   ├── BoardMovedError                    the board is fenced; `moved_to` says where it went; nothing was applied
    │   ├── ChangesLostError                   the feed does not go back that far: read the board anew
    │   ├── StaleReplicaError                  the copy in memory is too old, and `when_stale` is `raise`
    │   └── BoardMismatchError                 the storage holds something else under this board's name
    └── ConfigurationError (ValueError)        a URL, a mapping or a file describes no board
        ├── UnknownSchemeError
        ├── UnknownOptionError
        ├── MissingExtraError (ImportError)
        └── PluginError

A write that raised anything but `WriteOutcomeUnknownError` was not applied, so that repeating it is safe. Where
`update_scores` split its input into batches, this holds for the batch that failed, and the error's `applied` counts the
updates of earlier batches, which were applied. On a board of several shards, parts of one batch can fail: the error's
`outcomes` then says which updates were applied.
"""

from __future__ import annotations

from typing import NamedTuple


class BatchOutcomes(NamedTuple):
    """What became of the updates of one `update_scores` call, by their positions in the input, from 0."""

    applied: tuple[int, ...]
    refused: tuple[int, ...]
    """Those that were not applied."""
    unknown: tuple[int, ...]
    """Those that may have been applied."""


def _with_applied(text: str, applied: int) -> str:
    return f"{text} The first {applied} updates of this call were applied." if applied else text


class LeaderboardError(Exception):
    """Base class of every error that this library raises on purpose."""


class InvalidValueError(LeaderboardError, ValueError):
    """A value is not allowed. Raised before anything is written."""


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
    """A validation rule refused an update or a read. Nothing was written; `rule` names the rule."""

    def __init__(self, text: str, rule: str = "") -> None:
        super().__init__(text)
        self.rule = rule


class ScoreLimitError(UpdateRefusedError):
    """A write breaks a score limit that the storage checks. It was not applied; `standing` is the current score.

    `applied` counts the updates of an `update_scores` call that earlier batches had already applied; on a board of
    several shards, `outcomes` says what became of each.
    """

    applied: int = 0
    outcomes: BatchOutcomes | None = None

    def __init__(self, text: str, standing: float | None = None) -> None:
        super().__init__(text)
        self.standing = standing


class RateLimitExceededError(LeaderboardError):
    """Too many updates of a player or of a board. Nothing was applied; wait `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class LeaderboardClosedError(LeaderboardError):
    """The board object was closed; open the board again.

    `applied` counts the updates of an `update_scores` call that it had applied before it was closed.
    """

    applied: int = 0
    outcomes: BatchOutcomes | None = None

    def __str__(self) -> str:
        return _with_applied(super().__str__(), self.applied)


class UnsupportedOperationError(LeaderboardError):
    """The backend does not offer this operation (see its `capabilities.unsupported`)."""


class BackendError(LeaderboardError):
    """The storage behind the board failed.

    `applied` counts the updates of an `update_scores` call that earlier batches had already applied; on a board of
    several shards, `outcomes` says what became of each.
    """

    applied: int = 0
    outcomes: BatchOutcomes | None = None

    def __str__(self) -> str:
        return _with_applied(super().__str__(), self.applied)


class BackendUnavailableError(BackendError):
    """The storage cannot be reached or cannot answer now. Nothing was applied; it is safe to repeat."""


class ShardsMissingError(BackendUnavailableError):
    """Some shards of the board did not answer in time: `answered` of `total` did, `missing` has the others' numbers."""

    def __init__(self, text: str, answered: int = 0, total: int = 0, missing: tuple[int, ...] = ()) -> None:
        super().__init__(text)
        self.answered = answered
        self.total = total
        self.missing = missing


class BackendReadOnlyError(BackendError):
    """The storage does not accept writes (a replica, for example). Nothing was applied."""


class BackendFullError(BackendError):
    """The storage is out of memory or disk space. Nothing was applied."""


class WriteOutcomeUnknownError(BackendError):
    """The storage stopped answering after the write was sent: the write may or may not have been applied.

    It is not a `BackendUnavailableError`, so that code which retries on that error never applies a write twice. Read
    the player's entry before you repeat the write; a repeated increment may count twice.
    """


class RankUnknownError(WriteOutcomeUnknownError):
    """The write was applied, but its rank is not known, as other shards, or the storage after it, did not answer.

    Do not repeat an increment; read the rank.
    """


class WriteConflictError(BackendError):
    """Every attempt at this write conflicted with other writers. Nothing was applied; it is safe to repeat."""


class BoardMovedError(BackendError):
    """The board is fenced: it does not accept writes any more. Nothing was applied; `moved_to` says where it moved."""

    def __init__(self, text: str, moved_to: str = "") -> None:
        super().__init__(text)
        self.moved_to = moved_to


class ChangesLostError(BackendError):
    """The change feed does not go back to that version, or has another history. Read the whole board again."""


class StaleReplicaError(BackendError):
    """The copy of the board in memory is too old or not loaded yet, and `when_stale` is `raise`: try again."""


class BoardMismatchError(BackendError):
    """The storage holds other data under this board's name: another type, another order or another format."""


class ConfigurationError(LeaderboardError, ValueError):
    """A URL, a mapping, a file or an environment variable does not describe a board."""


class UnknownSchemeError(ConfigurationError):
    """No backend is registered for the scheme of a URL."""


class UnknownOptionError(ConfigurationError):
    """An option that the backend does not have."""


class MissingExtraError(ConfigurationError, ImportError):
    """The backend's client library is not installed; the message has the `pip install` command."""


class PluginError(ConfigurationError):
    """An installed plug-in cannot be imported or is not a backend; the message names its distribution."""
