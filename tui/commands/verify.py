"""Prove that the engines compute what they say: exit status 0 if everything agrees, otherwise 1.

For every cell and option, at random states and odd sizes: the C core beside its NumPy twin, both
beside central finite differences, and both beside PyTorch where it is installed. Printed is every
array's largest relative error, over all sizes and all kernels of the core.
"""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from lstm_ext.verify import Report, Row, Verification

from ..options import add_json, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--thorough", action="store_true", help="many more sizes and draws, for minutes")
    parser.add_argument("--seed", type=whole(0), default=0, help="of sizes, states and weights (default: 0)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    verification = Verification(seed=arguments.seed, thorough=arguments.thorough)
    rows: list[Row] = []
    section = ""
    for check in verification.checks:
        found = verification.rows(check)
        rows += found
        if arguments.json:
            continue
        for row in found[:1]:
            if row.section != section:
                section = row.section
                print(f"\n{section.upper()}" if len(rows) > len(found) else section.upper())
        for line in _lines(found):
            print(line, flush=True)
    report = verification.report(rows)
    print(json.dumps(report.to_dict()) if arguments.json else f"\n{_verdict(report)}")
    return 0 if report.passed else 1


def _lines(rows: Iterable[Row]) -> Iterable[str]:
    """One check's rows: the kernels of a comparison as one where all of them pass."""
    width = max(60, min(120, shutil.get_terminal_size((100, 24)).columns))

    def comparison(row: Row) -> tuple[str, str, str, str, float]:
        return row.name, row.engine, row.reference, row.dtype, row.bound

    for _, group in groupby(sorted(rows, key=comparison), comparison):
        kernels = list(group)
        together = [kernels] if all(row.passed for row in kernels) else [[row] for row in kernels]
        for some in together:
            yield from _comparison(some, width)


def _comparison(rows: Sequence[Row], width: int) -> Iterable[str]:
    row = rows[0]
    kernel = f" ({row.kernel})" if row.kernel and len(rows) == 1 else ""
    what = f"  {row.name}, {row.engine}{kernel} against {row.reference}, {row.dtype}, at most {row.bound:g}"
    passed = all(row.passed for row in rows)
    yield f"{what:<{width - 5}} {'pass' if passed else 'FAIL'}"
    if row.problem:
        yield textwrap.fill(row.problem, width, initial_indent="      ", subsequent_indent="      ")
    worst = {name: max(row.errors[name] for row in rows) for name in row.errors}
    # Non-breaking spaces keep a name and its number on one line.
    cells = "  ".join(f"{name}\u00a0{error:.1e}" for name, error in worst.items())
    lines = textwrap.wrap(cells, width, initial_indent="      ", subsequent_indent="      ")
    yield from (line.replace("\u00a0", " ") for line in lines)


def _verdict(report: Report) -> str:
    checked = f"core with kernels {', '.join(report.kernels)}; " if report.kernels else ""
    torch = f"PyTorch {report.torch}; " if report.torch else ""
    failures = len(report.failures)
    counts = f"{len(report.rows)} comparisons, {f'{failures} FAILED' if failures else 'all passed'}"
    return "\n".join([*report.notes, f"{counts} ({checked}{torch}seed {report.seed})"])
