"""Answer a question about recurrent networks by measuring: several variants, each with several seeds.

Finished runs are kept: an interrupted experiment continues where it stopped, and more seeds add only their own runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ..candidates import EXPERIMENTS, FILES, FOLDERS, completes
from ..options import add_json, whole
from ..output import columns, note, print_lines, show

if TYPE_CHECKING:
    from lstm_ext.experiments import Experiment, Report
    from lstm_ext.experiments.records import Record
    from lstm_ext.experiments.runner import Cell, Measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    completes(
        parser.add_argument("name", nargs="?", metavar="NAME", help="the experiment (none: list them)"), EXPERIMENTS
    )
    parser.add_argument("--list", action="store_true", help="list the experiments and their questions")
    parser.add_argument("--seeds", type=whole(1, 1000), metavar="N", help="runs of each variant (default: 5, quick 3)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: under a minute")
    parser.add_argument(
        "--jobs", type=whole(1, 1024), default=1, metavar="N", help="processes, with one thread each (default: 1)"
    )
    what = "learn from this instead, where the experiment can (see --list)"
    completes(parser.add_argument("--data", metavar="FILE", help=what), FILES)
    parser.add_argument("--fresh", action="store_true", help="measure again instead of using kept runs")
    what = "write NAME.json, NAME.csv, NAME.svg and the page NAME.md there"
    completes(parser.add_argument("--save", metavar="DIR", help=what), FOLDERS)
    parser.add_argument("--past", action="store_true", help="list the outcomes that are kept, without measuring")
    parser.add_argument(
        "--against", type=whole(1), metavar="N", help="print the outcome beside number N of --past, too"
    )
    parser.add_argument("--events", action="store_true", help="write each run as a line of JSON when it is finished")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    # Read by NumPy's BLAS when it is loaded: with more threads, numbers and times depend on what else runs.
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[variable] = "1"

    from rich.text import Text

    from lstm_ext.errors import ArgumentError
    from lstm_ext.experiments import NAMES, load
    from lstm_ext.experiments.export import as_json, save
    from lstm_ext.experiments.records import Record, keep
    from lstm_ext.experiments.runner import cells, kept
    from lstm_ext.experiments.runner import run as run_all
    from lstm_ext.visualization.figures import check_picture

    from ...outcomes import outcome_directory, outcomes, run_directory
    from ...text.experiments import comparison_lines
    from ..progress import Progress

    if arguments.list or arguments.name is None:
        return _list([load(name) for name in NAMES], arguments.json)
    try:
        experiment = load(arguments.name, arguments.data)
    except ArgumentError as error:
        raise UsageError(str(error)) from None
    known = outcomes(experiment.name)
    if arguments.past:
        return _past(known, arguments.json)
    if arguments.against is not None and arguments.against > len(known):
        raise UsageError(f"--against: got {arguments.against}, expected at most {len(known)}, what --past lists")
    default = experiment.quick_seeds if arguments.quick else experiment.seeds
    seeds, directory = range(arguments.seeds or default), run_directory()
    if arguments.save:
        check_picture(f"{experiment.name}.svg")  # before hours of measuring
        Path(arguments.save).mkdir(parents=True, exist_ok=True)
    planned = cells(experiment, seeds, arguments.quick, directory)
    before = [] if arguments.fresh else [(cell, run) for cell in planned if (run := kept(cell)) is not None]
    done, seconds = len(before), sum(run.seconds for _, run in before)
    quiet = arguments.json or arguments.events
    if not quiet:
        show(experiment.question)
        show("")
    if done and not arguments.events:
        note(f"{done} of {len(planned)} runs are kept from earlier (--fresh repeats them)")
    events = Events(arguments.events)
    events.plan(experiment, planned, quick=arguments.quick, jobs=arguments.jobs)
    for cell, run in before:
        events.run(cell, run, kept=True)
    try:
        with Progress(sys.stderr) as progress:

            def on_cell(cell: Cell, run: Measured) -> None:
                nonlocal done, seconds
                done, seconds = done + 1, seconds + run.seconds
                events.run(cell, run, kept=False)
                if not arguments.events:
                    fields = [f"{experiment.name}: {done} of {len(planned)} runs", f"last: {cell.variant}"]
                    progress.show(done / len(planned), fields)

            results = run_all(
                experiment,
                seeds,
                quick=arguments.quick,
                jobs=arguments.jobs,
                directory=directory,
                fresh=arguments.fresh,
                on_cell=on_cell,
            )
    except KeyboardInterrupt:
        done = sum(kept(cell) is not None for cell in planned)
        note(
            f"stopped; {done} of {len(planned)} runs are kept in {directory / experiment.name}; "
            f"the same command{' without --fresh' if arguments.fresh else ''} continues"
        )
        raise
    record = Record.of(experiment.name, results, seconds)
    keep(outcome_directory(), record)
    report = experiment.report(results)
    if arguments.json:
        print(json.dumps(as_json(experiment, results, report)))
    elif not quiet:
        _print(report)
        if arguments.against is not None:
            print_lines([Text(""), *comparison_lines(known[arguments.against - 1], record, columns())])
    if arguments.save:
        paths = save(Path(arguments.save), experiment, results, report)
        note(f"wrote {', '.join(map(str, paths))}")
    events.end()
    return 0


class Events:
    """Says what happens, a line of JSON each time, to a program that reads along; silent unless ``wanted``."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def plan(self, experiment: Experiment, planned: Sequence[Cell], *, quick: bool, jobs: int) -> None:
        """What will be measured, in this order."""
        variants = {cell.variant: dict(cell.settings) for cell in planned}
        runs = [[cell.variant, cell.seed] for cell in planned]
        self._say("plan", experiment=experiment.name, quick=quick, jobs=jobs, variants=variants, runs=runs)

    def run(self, cell: Cell, run: Measured, *, kept: bool) -> None:
        """A run is finished, or was ``kept`` from earlier."""
        self._say("run", variant=cell.variant, seed=cell.seed, seconds=run.seconds, numbers=run.numbers, kept=kept)

    def end(self) -> None:
        """The outcome is kept."""
        self._say("end")

    def _say(self, event: str, **facts: Any) -> None:
        if self._wanted:
            print(json.dumps({"event": event, **facts}), flush=True)


def _list(experiments: list[Experiment], as_json: bool) -> int:
    if as_json:
        print(json.dumps([{"name": e.name, "question": e.question, "data": e.reads} for e in experiments]))
        return 0
    width = max(len(experiment.name) for experiment in experiments)
    for experiment in experiments:
        show(f"{experiment.name:<{width}}  {experiment.question}")
        if experiment.reads:
            show(f"{'':<{width}}  --data: {experiment.reads}")
    return 0


def _past(known: Sequence[Record], as_json: bool) -> int:
    """What ``--past`` writes: the numbers are those that ``--against`` takes."""
    from ...text.experiments import facts, when

    if as_json:
        entries = [
            {
                "number": number,
                "when": record.when or None,
                "quick": record.results.quick,
                "seeds": len(record.results.seeds),
                "engine": record.engine,
                "version": record.version,
                "seconds": record.seconds,
            }
            for number, record in enumerate(known, 1)
        ]
        print(json.dumps(entries))
        return 0
    for number, record in enumerate(known, 1):
        show(f"{number:>3}  {when(record):<18}{facts(record)}")
    return 0


def _print(report: Report) -> None:
    """Print in colour where possible; elsewhere each curve has its own mark."""
    from rich.console import Console
    from rich.text import Text

    from lstm_ext.experiments.charts import COLOURS
    from lstm_ext.experiments.export import report_lines

    from ...text.ascii import to_ascii
    from ...text.visible import visible

    console = Console(highlight=False, soft_wrap=True)
    unicode = console.encoding.startswith("utf")
    coloured = console.color_system is not None and not console.no_color and unicode
    width = max(40, min(110, console.width))
    for line in report_lines(report, width, "braille" if coloured else "ascii"):
        if not coloured:
            plain = "".join(text for text, _ in line)
            show((plain if unicode else to_ascii(plain)).rstrip())
            continue
        text = Text()
        for piece, curve in line:
            red, green, blue = COLOURS[curve % len(COLOURS)]
            text.append(visible(piece), "" if curve < 0 else f"rgb({red},{green},{blue})")
        console.print(text)
