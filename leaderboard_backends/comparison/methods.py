"""How the figures are measured: texts that every result holds."""

from __future__ import annotations

from typing import Final

METHODS: Final = {
    "runs": "each in a fresh process on fresh storage, repeated in rounds; within a round all backends, sizes and "
    "modes in random order, so that the runs of one round see the same state of the machine",
    "conformance gate": "the conformance kit runs first; then every answer of a service-time run, and the final state "
    "of each service-time and response run, is compared with an independent model; after several clients at once, the "
    "username and score of each player, and ties as far as the steps decide them; after a crash, the number of players "
    "and each acknowledged update; where a plan times no single operations under a workload, a short such run comes "
    "first; one difference in any run withholds every figure of that backend, and the reason is reported",
    "warm-up": "one step in twenty of the trace, unmeasured, for at most a tenth of the time limit",
    "percentiles": "nearest rank on the individual samples of one process; p50, p95 and p99 where at least one sample "
    "lies beyond, p99.9 from 10,000 samples on",
    "intervals": "the median over processes, and the exact bootstrap distribution of that median (95 %); ratios of two "
    "backends are per round",
    "noise floor": "the largest difference between two runs of the same backend (A/A runs), by class of storage and by "
    "figure",
    "clock": "time.perf_counter_ns around each call into a preallocated array; the clock's own cost is measured and "
    "not subtracted",
    "throughput": "all clients start at one moment and stop with the first that stops; a player's steps are all one "
    "client's; threads share one board object, spawned processes have one each",
    "response": "from the intended start of each operation at the given rate, one client; no percentiles where the "
    "backend did not keep up with at least 95 % of the rate",
    "crash recovery": "kill -9 of the server, or of the process that keeps the board, during updates; the time until "
    "another process, already running, gets correct answers; a kill is not a power cut",
    "bytes on disk": "of the files after the backend's own clean-up: a server neither rewrites its log nor is about "
    "to, and SQLite's write-ahead log is merged into its file (wal_checkpoint TRUNCATE); what runs only on request, "
    "such as packing a ZODB file, is not done; what updates add is counted from one clean-up to the next",
    "bytes written": "write_bytes of /proc/PID/io of the process that owns the files, from one clean-up of them to the "
    "next: whole pages of 4 KiB",
    "garbage collector": "on, as in an app; a full collection comes before the measured steps; the trace's objects are "
    "excluded from it (gc.freeze)",
    "memory": "growth of the process's private memory (USS) by the load, after a full collection and malloc_trim; "
    "player ids and usernames were there before, scores are counted",
    "code": "statements of Python's syntax tree, without docstrings; Lua and SQL: lines that are neither blank nor "
    "only comment",
}
