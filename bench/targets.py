"""The targets, in one place, and whether they were reached."""

from __future__ import annotations

from dataclasses import dataclass

from .report import Report, RowResult
from .rows import ROWS

#: The C core's speed, by row (name) and threads, as a multiple of that of
#: "best" (the best peer), "torch" or "float32" (itself); or, with "peak", as a share of the FMA peak.
SPEED: tuple[tuple[str, int, str, float], ...] = (
    ("lstm-64-1-25", 1, "best", 3.0),
    ("lstm-64-1-25", 1, "torch", 12.0),
    ("lstm-128-1-50", 1, "best", 2.0),
    ("lstm-128-32-50", 1, "best", 1.8),
    ("lstm-256-32-50", 1, "best", 1.5),
    ("lstm-256-32-50", 1, "peak", 0.65),
    ("lstm-256-64-100", 1, "best", 1.4),
    ("lstm-256-64-100", 1, "peak", 0.65),
    ("lstm-512-64-50", 1, "best", 1.4),
    ("lstm-512-64-50", 1, "peak", 0.65),
    ("lstm-2x128-20-25", 1, "best", 1.0),
    ("lstm-2x512-50-50", 1, "best", 1.4),
    ("lstm-2x512-50-50", 1, "peak", 0.65),
    *((row.name, 1, "best", 3.0) for row in ROWS if row.kind == "training" and row.cell != "lstm"),
    *((row.name, 2, "best", 1.0) for row in ROWS if row.kind == "training" and row.batch_size >= 20),
    *((row.name, 1, "float32", 0.5) for row in ROWS if row.kind == "float64"),
    ("sampling-lstm-128", 1, "torch", 25.0),
    ("sampling-lstm-2x128", 1, "torch", 25.0),
)
#: What a process of the name takes at most, as a multiple of the other one.
STARTUP: tuple[tuple[str, str, float], ...] = (
    ("import lstm_ext", "import numpy", 1.5),
    ("lstm-lab --version", "import numpy", 2.0),
)
#: How far a step's memory may be from the formula, as a fraction.
MEMORY = 0.1


@dataclass(frozen=True)
class Verdict:
    """One target and what was measured. ``met`` is None where a peer was missing that might have changed it."""

    subject: str
    threads: int | None
    quantity: str
    wanted: float
    measured: float
    met: bool | None


def verdicts(report: Report) -> list[Verdict]:
    """One for each target whose measurements are there."""
    found = [verdict for result in report.rows for verdict in speed_verdicts(result)]
    for name, other, most in STARTUP:
        if name in report.processes and other in report.processes:
            ratio = report.processes[name].median / report.processes[other].median
            found.append(Verdict(name, None, other, most, ratio, ratio <= most))
    errors = {
        result.name: abs(result.memory_bytes / result.memory_formula - 1)
        for result in report.rows
        if result.memory_bytes and result.memory_formula
    }
    if errors:
        worst = max(errors, key=lambda name: errors[name])
        found.append(Verdict(worst, None, "memory", MEMORY, errors[worst], errors[worst] <= MEMORY))
    return found


def speed_verdicts(result: RowResult) -> list[Verdict]:
    """Those about one row."""
    found = []
    for name, threads, quantity, wanted in SPEED:
        if (name, threads) != (result.name, result.threads):
            continue
        measured = _measured(result, quantity)
        if measured is None:
            continue
        met: bool | None = measured >= wanted
        if met and quantity == "best" and result.missing_peers:
            met = None
        found.append(Verdict(name, threads, quantity, wanted, measured, met))
    return found


def _measured(result: RowResult, quantity: str) -> float | None:
    match quantity:
        case "best":
            return result.ratio
        case "peak":
            return result.peak_share
        case "float32":
            return result.speedup("ours-float32")
        case key:
            return result.speedup(key)
