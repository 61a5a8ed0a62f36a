"""Measure training and sampling against PyTorch, JAX and the NumPy twin, all in one run.

Each row is a network and a batch shape. All contenders first show that they compute the same loss and
gradients, then take turns. Peers that are not installed are left out; `make bench` installs them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from lstm_lab.cli.main import guarded
from lstm_lab.cli.options import Parser, add_json, positive
from lstm_lab.errors import UsageError

from .contender import GROUPS, available_groups
from .first_frame import open_and_kill
from .report import Report
from .rows import QUICK, ROWS, select_rows
from .run import (
    WorkerError,
    describe_machine,
    imports,
    measure_rows,
    peak_memory,
    processors,
    startup_times,
    whole_process,
)
from .targets import speed_verdicts, verdicts
from .view import as_json, heading, print_report, row_lines, threads_text

#: Rows that are not about a network: start-up times and peak memory.
STARTUP, MEMORY = "startup", "memory"
#: Seconds in which the contenders of a row take turns.
SECONDS, QUICK_SECONDS = 2.0, 0.4
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a few rows, briefly, on one thread")
    parser.add_argument(
        "--rows", type=_words, default=(), metavar="TEXTS", help="only rows with one of these in their names: gru,-2x"
    )
    parser.add_argument("--threads", type=_counts, metavar="N,N", help="numbers of threads, in turn (default: 1,2)")
    parser.add_argument(
        "--seconds", type=positive, metavar="S", help=f"per row, without warming up (default: {SECONDS:g})"
    )
    parser.add_argument(
        "--contenders",
        type=_words,
        default=tuple(GROUPS),
        metavar="NAMES",
        help=f"who takes part (default: {','.join(GROUPS)})",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    for name in arguments.contenders:
        if name not in GROUPS:
            raise UsageError(f"--contenders: got {name!r}, expected some of {','.join(GROUPS)}")
    everything = QUICK if arguments.quick else tuple(row.name for row in ROWS)
    chosen = select_rows((*everything, STARTUP, MEMORY), arguments.rows)
    threads = arguments.threads or ((1,) if arguments.quick else (1, 2))
    seconds = arguments.seconds or (QUICK_SECONDS if arguments.quick else SECONDS)

    groups, absent = available_groups(arguments.contenders)
    absent |= {threads_text(n): f"on {processors()} processors" for n in threads if n > processors()}
    report = Report(describe_machine(), absent)
    console = Console(stderr=arguments.json)
    if not console.is_terminal:
        console.width = max(console.width, 110)
    if not arguments.json:
        console.print(heading(report))
    bench = _Bench(report, console, groups, seconds, quiet=arguments.json)
    try:
        for n in threads:
            if n <= processors():
                bench.rows(n, [name for name in chosen if name not in (STARTUP, MEMORY)])
        if STARTUP in chosen:
            bench.startup()
        if MEMORY in chosen:
            bench.memory()
        report.complete = not report.failures
    except KeyboardInterrupt:
        status = INTERRUPTED
    else:
        status = 1 if report.failures else 0
    found = verdicts(report)
    if arguments.json:
        print(json.dumps(as_json(report, found)))
    else:
        print_report(console, report, found)
    return status


class _Bench:
    """Fills a report, and shows results as they arrive."""

    def __init__(
        self, report: Report, console: Console, groups: tuple[str, ...], seconds: float, *, quiet: bool
    ) -> None:
        self._report = report
        self._console = console
        self._groups = groups
        self._seconds = seconds
        self._quiet = quiet

    def rows(self, threads: int, names: list[str]) -> None:
        """All rows at one number of threads, in one process."""
        if not names:
            return
        with (
            self._console.status("") as status,
            closing(measure_rows(threads, names, self._seconds, self._groups)) as results,
        ):
            for number, name in enumerate(names, 1):
                status.update(f"{threads_text(threads)}, {number} of {len(names)}: {name}")
                try:
                    result = next(results)
                except WorkerError as error:
                    self._report.failures.append(f"{threads_text(threads)}, {name}: {error}")
                    return
                self._report.rows.append(result)
                if not self._quiet:
                    ascii_only = self._console.options.ascii_only
                    for line in row_lines(result, speed_verdicts(result), ascii_only=ascii_only):
                        self._console.print(line)

    def startup(self) -> None:
        """Whole processes, and the lab up to its first frame."""
        script = Path(sys.executable).with_name("lstm-lab")
        command = (str(script),) if script.exists() else (sys.executable, "-m", "lstm_lab")
        actions: dict[str, Callable[[], object]] = {
            **imports(self._groups),
            "lstm-lab --version": whole_process(*command, "--version"),
            "first frame of the lab": open_and_kill,
        }
        with self._console.status("starting processes"):
            self._report.processes, failures = startup_times(actions, 4 * self._seconds)
        self._report.failures += [f"{name}: {reason}" for name, reason in failures.items()]

    def memory(self) -> None:
        """A short training run of each contender."""
        for group in self._groups:
            with self._console.status(f"peak memory of {group}"):
                self._report.peak_memory |= dict(peak_memory((group,)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(dict.fromkeys(int(word) for word in text.split(",")))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected whole numbers of at least 1, such as 1,2")
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m bench``, from the repository's root; returns the exit status."""
    parser = Parser(prog="python -m bench", description=__doc__)
    add_arguments(parser)
    return guarded(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
