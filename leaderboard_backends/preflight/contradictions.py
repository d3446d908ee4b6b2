"""Settings that are valid each on its own but contradict each other or do not fit the backend; nothing is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ..aio.opening import awaits_parts, class_for
from ..config import Opening, open_leaderboard
from ..errors import ConfigurationError
from ..migration.target import target_of
from ..protocol import LeaderboardBackend
from ..registry import wrapper_class
from .kinds import promises_of
from .workers import REMEDY, too_many_workers

READ_TIMEOUT: Final = "read_timeout"
ASKED: Final = ("storage",)
"""Settings that name a server, which a layer asks when it is opened."""


def contradictions(opening: Opening, workers: int = 1) -> Iterator[str]:
    """Yield what is wrong of each of a board's layers, and beside so many processes, in words."""
    if problem := too_many_workers(opening, workers):
        yield f"{problem}. {REMEDY}"
    for layer, settings in opening.layers.items():
        try:
            _check(layer, settings, opening)
        except ConfigurationError as error:
            yield f"{layer}: {error}"


def _check(layer: str, settings: Mapping[str, Any], opening: Opening) -> None:
    """Make the layer around a board in memory; of monitoring, which others would see, only its thresholds."""
    if layer == "monitoring":
        from ..hardening.observability.settings import AlertSettings  # noqa: PLC0415 - needed where it is on

        AlertSettings.of(settings)
        return
    if layer == "replica":
        from ..scaling.replica import check_promises  # noqa: PLC0415 - as above

        promised = promises_of(opening)
        if opening.options.get("read_from") == "replica":
            promised = replace(promised, consistency="eventual")
        check_promises(promised, f"{opening.location.scheme}://")
        return
    if layer == "migration":
        target_of(opening)
        return
    if READ_TIMEOUT in settings:
        check_read_timeout(layer, opening)
    left_out: tuple[str, ...] = (READ_TIMEOUT, *ASKED)
    if layer == "validation" and awaits_parts(class_for(opening.location.scheme), opening.layers):
        from ..hardening.validation.settings import HOOKS  # noqa: PLC0415 - as above

        left_out += HOOKS  # checked as they were read; an asyncio program awaits those that are coroutine functions
    alone = {name: value for name, value in settings.items() if name not in left_out}
    wrapper_class(layer).wrap(open_leaderboard("memory://"), _no_other, **alone).close()


def check_read_timeout(layer: str, opening: Opening) -> None:
    """Raise `ConfigurationError` where a layer with a time limit for reads cannot be opened around this board."""
    from ..hardening.degradation.bounded_reads import SHARES  # noqa: PLC0415 - needed where it is set

    if missing := sorted(SHARES.keys() - opening.backend.options.keys()):
        raise ConfigurationError(
            f"{READ_TIMEOUT} needs a backend with the options {', '.join(SHARES)}; {opening.location.scheme}:// lacks "
            f"{', '.join(missing)}: leave {READ_TIMEOUT} out."
        )
    names = list(opening.layers)
    if inside := names[: names.index(layer)]:
        raise ConfigurationError(
            f"{READ_TIMEOUT} asks the storage past {' and '.join(inside)}, inside of {layer}: leave {READ_TIMEOUT} "
            "out, and set socket_timeout."
        )


def _no_other(**options: object) -> LeaderboardBackend:
    """Stand in for opening the storage once more, which only `read_timeout` does."""
    raise ConfigurationError(f"a check opens nothing, so it cannot open the storage with {options}.")
