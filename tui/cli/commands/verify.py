"""Prove the engines against each other, the textbook, finite differences and PyTorch, for every cell and network.

Shows the largest relative error of every array, over all kernels of the C core. "book" are the
textbook's equations, one step at a time; "numeric" are central finite differences. Exit status 0
if all errors are within their bounds, 1 if not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from ..options import add_json, whole

if TYPE_CHECKING:
    from lstm_ext.verify import Report, Row, Verification

#: The arrays of each section, in the order of its columns.
COLUMNS = {
    "functions": ("absolute", "relative"),
    "layers": ("h", "c", "gates", "extra", "dx", "dh0", "dc0", "dW", "db", "dp"),
    "models": ("loss", "logits", "gates", "state", "dstate", "dW", "db", "dp", "dWy", "dby"),
    "training": ("losses", "norms", "parameters", "m", "s", "state"),
    "optimizers": ("norms", "parameters", "m", "s"),
    "sampling": ("symbols", "state"),
    "networks": ("loss", "dx", "dW", "db", "dp", "dv", "dgain"),
    "repetition": ("losses", "norms", "parameters", "m", "s", "state"),
}
NARROW = {"textbook": "book", "differences": "numeric", "long double": "exact", "float64": "f64", "float32": "f32"}
#: The sections in which PyTorch lacks some cells.
CELLS = ("layers", "models")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--thorough", action="store_true", help="many more sizes and draws: minutes instead of seconds")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of the random networks (default: 0)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    # Before NumPy is imported: in products this small, threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lstm_ext.verify import Verification

    begin = time.monotonic()
    verification = Verification(seed=arguments.seed, thorough=arguments.thorough)
    if arguments.json:
        report = verification.report([row for check in verification.checks for row in verification.rows(check)])
        print(json.dumps(report.to_dict()))
    else:
        report = _show(verification, Console(highlight=False), begin)
    return 0 if report.passed else 1


def _show(verification: Verification, console: Console, begin: float) -> Report:
    """Print every check when it is done, with a line of progress below on a terminal."""
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(verification.checks))
        section = ""
        for check in verification.checks:
            progress.update(task, description=f"{check.section}: {check.name}", refresh=True)
            found = verification.rows(check)
            rows += found
            lines = list(_lines(found, verification.has_torch))
            if found and check.section != section:
                section = check.section
                lines.insert(0, _heading(section))
            if lines:
                console.print(Text("\n").join(lines), soft_wrap=True)
            progress.advance(task)
    report = verification.report(rows)
    console.print(Text("\n").join(_summary(report, time.monotonic() - begin)), soft_wrap=True)
    return report


def _heading(section: str) -> Text:
    return Text(f"\n{section:<18}" + "".join(_cell(name, name) for name in COLUMNS[section]), style="bold")


def _lines(rows: Sequence[Row], has_torch: bool) -> Iterator[Text]:
    """One check: its name and verdict, and a line for each comparison."""
    if not rows:
        return
    section, passed = rows[0].section, all(row.passed for row in rows)
    verdict = Text("pass" if passed else "FAIL", style="green" if passed else "bold red")
    yield Text.assemble(f"{rows[0].name:<74}", verdict)
    for (engine, reference, dtype), group in groupby(rows, lambda row: (row.engine, row.reference, row.dtype)):
        kernels = list(group)
        line = Text(f" {engine:<5}{NARROW.get(reference, reference):<8}{NARROW[dtype]:<4}")
        for name in dict.fromkeys([*COLUMNS[section], *kernels[0].errors]):
            errors = [row.errors[name] for row in kernels if name in row.errors]
            bad = any(not error <= kernels[0].bound for error in errors)
            line.append(_cell(name, _number(_worst(errors)) if errors else ""), style="bold red" if bad else "")
        yield line
        yield from (_failure(row) for row in kernels if not row.passed)
    if has_torch and section in CELLS and all(row.reference != "PyTorch" for row in rows):
        yield Text(f" both {'PyTorch':<12}{'–':>6}", style="dim")


def _failure(row: Row) -> Text:
    beyond = [f"{name} {_number(error)}" for name, error in row.errors.items() if not error <= row.bound]
    what = row.problem or f"{', '.join(beyond)}, the bound is {_number(row.bound)}"
    return Text(f"   FAIL {_engine(row)} against {row.reference}, {row.dtype}: {what}", style="bold red")


def _summary(report: Report, seconds: float) -> Iterator[Text]:
    """The worst error of every comparison, and the verdict."""
    yield Text(f"\n{'worst of all':<32}{'error':>6}{'bound':>7}", style="bold")
    for key, group in _grouped(report.rows):
        worst = max(
            ((error, row, name) for row in group for name, error in row.errors.items()),
            key=lambda found: math.inf if math.isnan(found[0]) else found[0],
            default=None,
        )
        if worst is not None:
            error, row, name = worst
            where = f"{row.section}, {row.name}: {name}" if error else ""
            engine, reference, dtype = key
            label = f"{engine:<14}{reference:<12}{NARROW[dtype]:<6}"
            yield Text(f"{label}{_number(error):>6}{_number(row.bound):>7}  {where}")
    for note in report.notes:
        yield Text(note)
    made = [f"seed {report.seed}"]
    if report.torch:
        made.append(f"PyTorch {report.torch}")
    failed = len(report.failures)
    verdict = Text("PASS", style="bold green") if report.passed else Text(f"FAIL ({failed})", style="bold red")
    yield Text.assemble(verdict, f"  {len(report.rows)} comparisons in {seconds:.0f} s, {', '.join(made)}")


def _grouped(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str, str], list[Row]]]:
    """Rows by engine, reference and dtype, engines in order."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((_engine(row), row.reference, row.dtype), []).append(row)
    engines = list(dict.fromkeys(engine for engine, _, _ in groups))
    yield from sorted(groups.items(), key=lambda item: engines.index(item[0][0]))


def _engine(row: Row) -> str:
    return row.engine if row.kernel is None else f"{row.engine} {row.kernel}"


def _worst(errors: Sequence[float]) -> float:
    return next((error for error in errors if math.isnan(error)), max(errors))


def _number(error: float) -> str:
    """At most six characters: 0, 3e-16, 0.2, nan."""
    return f"{error:.0e}" if 0 < error < 0.1 else f"{error:.1g}"


def _cell(column: str, text: str) -> str:
    """Right-aligned, one blank wider than the column's name and any error."""
    return f"{text:>{max(len(column), 5) + 1}}"
