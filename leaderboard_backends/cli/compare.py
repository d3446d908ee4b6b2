"""`leaderboard compare`: test each backend for correctness, measure it as a plan says, and print the result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, Final

import click

from ..comparison.execute import Order
from ..comparison.execute import compare as run_comparison
from ..comparison.journal import SUFFIX, Journal
from ..comparison.measure.conformance_gate import TIMEOUT
from ..comparison.measurements import Measurements
from ..comparison.opening import conceal
from ..comparison.plan import MOST_PLAYERS, Plan, read_plan
from ..comparison.programs import modules_of
from ..comparison.report.advice import answer_of_comparison
from ..comparison.report.sections import sections
from ..comparison.report.terminal import PlainConsole, print_sections
from ..comparison.result_files import encode_result, is_stream, printable, write_atomically
from ..comparison.schema import Result
from ..comparison.targets import Target, find_targets
from ..comparison.traces import default_folder
from ..errors import ConfigurationError
from ..installing import install_distribution
from ..workload.spec import WorkloadFile, find_workloads
from .comparison_bar import ComparisonBar
from .group import INTERRUPTED
from .options import FiniteRange, OutputPath
from .quantities import read_sizes

QUICK: Final = "quick"
DETAILS: Final = ("which", "service-times", "throughput", "memory-and-disk", "without-figures")
"""The sections that --details prints before the answer; leaderboard report has them all."""
_TROUBLE: Final = ("without-figures",)
"""The section that is printed where something that was asked for has no figures."""
VERDICTS: Final = "verdicts"
"""The folder beside the traces in which verdicts of the kit are kept."""


@click.command("compare", short_help="Compare backends: test each for correctness, then measure it.")
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@click.option(
    "--plan", "plan_name", default=QUICK, show_default=True, metavar="NAME|FILE", help="Which measurements to run."
)
@click.option("--players", metavar="N,N,...", help="Numbers of players, such as 1K,100K.  [default: from the plan]")
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME|FILE",
    help="A workload of the library, a .toml file, or a .csv file of your own events; repeatable.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 100), help="Repetitions, each in fresh processes.  [default: from the plan]"
)
@click.option("--steps", type=click.IntRange(1, 1_000_000), help="Steps per run.  [default: from the plan]")
@click.option(
    "--time-limit",
    type=FiniteRange(0, 3600, min_open=True),
    help="Most seconds that a run spends on its writes, and on each kind of read; then it skips the remaining steps.",
)
@click.option(
    "--run-timeout",
    type=FiniteRange(0, 86_400, min_open=True),
    help="Seconds after which a run, or the conformance test of a backend, is stopped.  [default: by size and plan; "
    "600]",
)
@click.option(
    "--proof", metavar="all|sequential|PART,...", help="Parts of the conformance kit that each backend must pass first."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed gives the same traces and the same order."
)
@click.option(
    "--out",
    type=OutputPath(dir_okay=False, path_type=Path),
    metavar="RESULT.json",
    help="Write the result to this file.",
)
@click.option("--resume", is_flag=True, help="Continue an interrupted run from the journal beside --out.")
@click.option(
    "--force", is_flag=True, help="Replace the file at --out, and the journal of an interrupted run beside it."
)
@click.option("--details", is_flag=True, help="Print every table before the answer.")
@click.option(
    "--allow-missing", is_flag=True, help="Exit with 0 even if a backend could not run here, or took too long."
)
@click.option(
    "--traces", type=OutputPath(file_okay=False, path_type=Path), help="Folder in which generated traces are cached."
)
def compare(
    backends: tuple[str, ...],
    out: Path | None,
    *,
    resume: bool,
    force: bool,
    details: bool,
    allow_missing: bool,
    **asked: Any,
) -> None:
    """Replay the same traces on each BACKEND, each run in a process of its own, and compare time, memory and disk.

    A BACKEND is the name of one that can run here (see `leaderboard backends`, and the files in benchmarks/backends); a
    .toml file of the same form; the URL of a storage (redis://host:6379/0), on which scratch boards are created and
    deleted again; or module:Class for your own class, which takes name, order and keep. Without BACKEND, those of the
    plan are compared, or all that can run here, plug-ins included.

    Each backend must first pass the conformance kit. Then every answer of the runs that time single operations, and
    the final state of every run, is compared with an independent model. If one differs, no figure of that backend is
    shown, and the reason is. Ctrl-C keeps finished runs; --resume continues.

    Exits with code 1 if a run has no figures; with --allow-missing only if a backend was wrong or failed, or if no
    run has figures.
    """
    order = _order(backends, **asked)
    _say_what_is_left_out(order.plan)
    _prepare(out, resume=resume, force=force)
    with Journal(_journal(out) if out else None, force=force) as journal:
        result = _run(replace(order, journal=journal, resume=resume), out)
        _publish(result, out, journal, details=details)
    sys.exit(_exit_code(result, allow_missing=allow_missing))


def _order(
    backends: tuple[str, ...],
    *,
    plan_name: str,
    players: str | None,
    workloads: tuple[str, ...],
    rounds: int | None,
    steps: int | None,
    time_limit: float | None,
    run_timeout: float | None,
    proof: str | None,
    seed: int,
    traces: Path | None,
) -> Order:
    """Return what to run, without a journal. Raises `click.UsageError` where something that is named is not there."""
    try:
        plan = read_plan(plan_name).changed(rounds=rounds, time_limit=time_limit, proof=proof)
        plan, files = _with_workloads(plan, workloads)
        plan = plan.with_parts(players=_sizes(players, files), steps=steps)
        targets = find_targets(backends or plan.backends, plan.besides)
    except ConfigurationError as error:
        raise click.UsageError(" ".join(str(error).split())) from error
    return Order(
        plan=plan.with_parts(without=[]) if backends else plan,
        name=printable(plan_name),
        command=_command(targets),
        targets=targets,
        workloads=files,
        seed=seed,
        traces=traces or default_folder(),
        proven=default_folder().parent / VERDICTS,
        timeout=run_timeout,
        conformance_timeout=run_timeout or TIMEOUT,
    )


def _run(order: Order, out: Path | None) -> Result:
    """Run the comparison; raises `click.ClickException` with what ended it, and what is left of it."""
    try:
        with ComparisonBar() as bar:
            return run_comparison(order, bar)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        kept = (
            f"{_journal(out)} has the finished runs; --resume continues"
            if out
            else "no run was saved; --out FILE saves them"
        )
        raise click.ClickException(
            f"the comparison stopped: {where}{error.strerror or error}. {_remedy(error).capitalize()} and run it "
            f"again: {kept}."
        ) from error


def _say_what_is_left_out(plan: Plan) -> None:
    for part in plan.programs:
        if not modules_of(part.distribution):
            click.echo(
                f"{part.distribution} is not installed, so that its programs are left out; to measure them, too: "
                f"{install_distribution(part.distribution)}",
                err=True,
            )


def _with_workloads(plan: Plan, given: Sequence[str]) -> tuple[Plan, list[WorkloadFile]]:
    """Return the plan with the workloads that were given instead of its own, and their files."""
    texts = list(dict.fromkeys(given or plan.workloads()))
    files = find_workloads(texts)
    names = {text: find_workloads([text])[0].spec.name for text in texts}
    return plan.with_parts(workloads=texts if given else None, names=names), files


def _sizes(players: str | None, files: Sequence[WorkloadFile]) -> list[int] | None:
    """Return the sizes of the command line; `None` where it has none."""
    if players is None:
        return None
    sizes = read_sizes(players)
    if sizes[-1] > MOST_PLAYERS:
        raise ConfigurationError(f"--players {players}: a run has at most {MOST_PLAYERS:,} players.")
    for file in files:
        if file.events is not None:
            raise ConfigurationError(
                f"--players {players}: the events of {file.path.name} have {file.events.players:,} players, and can be "
                "run at no other size; leave --players out."
            )
    return list(sizes)


def _prepare(out: Path | None, *, resume: bool, force: bool) -> None:
    """Fail before the run, not after it, where the result cannot be kept, or would replace another."""
    if out is None:
        if resume:
            raise click.UsageError("--resume needs --out: the journal of the interrupted run is beside that file.")
        return
    if is_stream(out):
        raise click.UsageError(
            f"--out {out} is a device or a pipe: name a regular file, because a journal is written beside it."
        )
    if out.exists() and not (resume or force or _journal(out).exists()):
        raise click.UsageError(f"--out {out} exists: name another file, or replace it with --force.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.writable")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise click.ClickException(f"--out {out} cannot be written: {error.strerror}.") from error


def _journal(out: Path) -> Path:
    return out.with_name(out.name + SUFFIX)


def _command(targets: Sequence[Target]) -> str:
    """Return the command that was given, printable, without anything of a URL that only its owner should read."""
    shown = {target.url: target.label for target in targets if target.url}
    words = ["leaderboard", *(shown.get(word) or conceal(word) for word in sys.argv[1:])]
    command: str = printable(shlex.join(words))  # as JSON holds no byte of a file's name that is no UTF-8
    return command


def _publish(result: Result, out: Path | None, journal: Journal, *, details: bool) -> None:
    """Keep the result, and only then print it: whoever reads may go away."""
    if out is not None:
        _keep(result, out, journal)
    try:
        answer = answer_of_comparison(Measurements(result))
        wanted = DETAILS if details or not answer.tables else _TROUBLE if _troubled(result) else ()
        every = sections(result, plug_ins=False) if wanted else []
        shown = [section for section in every if section.name in wanted]
        print_sections([*shown, answer], PlainConsole())
    finally:
        _print_summary(result, out)


def _troubled(result: Result) -> bool:
    """Whether something that was asked for has no figures."""
    with_figures = {run.cell.backend for run in result.runs if run.status == "ok"}
    return any(run.status != "ok" for run in result.runs) or not with_figures.issuperset(result.settings.backends)


def _keep(result: Result, out: Path, journal: Journal) -> None:
    try:
        write_atomically(out, encode_result(result))
    except OSError as error:
        raise click.ClickException(
            f"{out} cannot be written: {error.strerror}. {_journal(out)} has all runs: {_remedy(error)}, then "
            "--resume writes the result."
        ) from error
    if result.finished:
        journal.end()


def _remedy(error: OSError) -> str:
    return "free some space" if error.errno in (ENOSPC, EDQUOT) else "correct that"


def _print_summary(result: Result, out: Path | None) -> None:
    done = sum(run.status == "ok" for run in result.runs)
    click.echo(
        f"{done} of {len(result.runs)} runs have figures, in {result.seconds:.0f} s. "
        + (
            f"Saved in {out}; leaderboard report {out} makes a page and tables of it."
            if out
            else "The result was not saved; --out FILE saves it. --details prints every table."
        ),
        err=True,
    )
    if not result.finished:
        click.echo("Interrupted: the tables say which runs are missing; --resume continues.", err=True)


def _exit_code(result: Result, *, allow_missing: bool) -> int:
    if not result.finished:
        return INTERRUPTED
    without = {run.cell.backend: run.status for run in result.runs if run.status != "ok"}
    if not allow_missing and without:
        said = ", ".join(f"{label} ({status})" for label, status in without.items())
        click.echo(f"Runs without figures: {said}. The exit code is 1; see --allow-missing.", err=True)
        return 1
    return int(bool({"wrong", "failed"} & {*without.values()}) or all(run.status != "ok" for run in result.runs))
