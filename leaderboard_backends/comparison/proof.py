"""Having the conformance kit judge a backend before it is measured; a verdict is kept while nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec

from ..installing import DISTRIBUTION
from .contenders import Contender, Place, Ready
from .identity import source_digest
from .machine import versions
from .measure.prove import ALL, Request
from .processes import PROVER, PatienceError, WorkerError, ask
from .schema import BackendFacts, Verdict

PATIENCE: Final = 600.0


def prove(
    contender: Contender,
    place: Place,
    facts: BackendFacts,
    parts: Sequence[str],
    seed: int,
    kept: Path | None,
    patience: float = PATIENCE,
) -> Verdict:
    """Return the kit's verdict on a backend at its target: a stored one from the folder `kept`, or that of a run now.

    The timeout is `patience` seconds. Only verdicts on this library's own backends at targets made for a run are
    stored: what others depend on is not known here.
    """
    keep = kept is not None and isinstance(contender, Ready) and facts.distribution.startswith(f"{DISTRIBUTION} ")
    path = kept / f"{_key(contender, facts, parts, seed)}.json" if keep and kept is not None else None
    if path is not None:
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(path.read_bytes(), type=Verdict)
    request = Request(place.where.target, contender.label, list(parts), seed, patience)
    verdict = _run(request, contender.path)
    if path is not None and verdict.allows_figures:
        _keep(path, verdict)
    return verdict


def _run(request: Request, path: str) -> Verdict:
    try:
        return ask(PROVER, request, Verdict, patience=request.give_up_after, path=path)
    except (WorkerError, PatienceError) as error:
        return Verdict("NOT RUN", ", ".join(request.parts) or ALL, 0, 0, "", 0.0, [str(error)])


def _key(contender: Contender, facts: BackendFacts, parts: Sequence[str], seed: int) -> str:
    told = [contender.identity, facts.server, source_digest(), versions(), list(parts), seed]
    return sha256(msgspec.json.encode(told)).hexdigest()


def _keep(path: Path, verdict: Verdict) -> None:
    """Write a verdict; a folder that cannot be written means that the kit runs again next time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{token_hex(4)}")
        new.write_bytes(msgspec.json.encode(verdict))
        new.replace(path)
