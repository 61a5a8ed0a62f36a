"""A finished experiment as text, JSON, CSV, and a page of the documentation."""

from __future__ import annotations

import csv
import io
import json
import platform
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..files import write_atomically
from ..visualization.drawing import Glyphs
from .charts import Run, chart_lines, ranking, save_charts
from .experiment import Experiment, Report, Results, Table
from .runner import engine, rounded

#: Columns of the text in pages.
PAGE_WIDTH = 80


def report_lines(report: Report, width: int, glyphs: Glyphs) -> Iterator[list[Run]]:
    """The whole report as lines of (text, number of the curve whose colour it has, or −1)."""
    for chart in report.charts:
        yield from chart_lines(chart, width, glyphs)
        yield []
    for table in report.tables:
        yield from ([(line, -1)] for line in table_lines(table, width))
        yield []
    for title, text in report.texts:
        yield [(title, -1)]
        yield from ([(f"  {line}", -1)] for piece in text.splitlines() for line in _wrapped(piece, width - 2))
        yield []
    for finding in report.findings:
        yield from ([(line, -1)] for line in _wrapped(finding, width))


def table_lines(table: Table, width: int) -> list[str]:
    """A table in columns, the first one to the left and the others to the right.

    A table that is too wide comes in several parts, each with the first column.
    """
    rows = [list(table.columns), *(list(row) for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    lines = _wrapped(table.title, width)
    start = 1
    while start < len(widths):
        end = start + 1
        while end < len(widths) and widths[0] + sum(2 + size for size in widths[start : end + 1]) <= width:
            end += 1
        if start > 1:
            lines.append("")
        for row in rows:
            cells = (cell.rjust(size) for cell, size in zip(row[start:end], widths[start:end], strict=True))
            lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
        start = end
    return lines


def as_json(experiment: Experiment, results: Results, report: Report) -> dict[str, Any]:
    """Everything: how it was measured, every run's numbers to six digits, and what follows from them."""
    found: dict[str, Any] = rounded(
        {
            "experiment": experiment.name,
            "question": experiment.question,
            "quick": results.quick,
            "seeds": results.seeds,
            "engine": engine(),
            "versions": {"lstm-lab": __version__, "numpy": np.__version__, "python": platform.python_version()},
            "variants": {label: dict(settings) for label, settings in results.variants.items()},
            "summary": _summary(results),
            "findings": list(report.findings),
            "ranking": [
                {"chart": chart.title, "in_order": [one._asdict() | {"spread": one.spread._asdict()} for one in order]}
                for chart in report.charts
                if (order := ranking(chart, len(results.seeds)))
            ],
            "claims": [{"source": c.source, "claim": c.text, "verdict": c.verdict} for c in report.claims],
            "runs": [
                {"variant": variant, "seed": seed, "numbers": numbers}
                for (variant, seed), numbers in sorted(results.cells.items())
            ],
        }
    )
    return found


def as_csv(results: Results) -> str:
    """One row for each number that a run measured: variant, seed, metric, index (of a list's entries), value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["variant", "seed", "metric", "index", "value"])
    for (variant, seed), numbers in sorted(results.cells.items()):
        for metric, value in numbers.items():
            entries = enumerate(value) if isinstance(value, list) else [("", value)]
            writer.writerows([variant, seed, metric, index, "" if v is None else v] for index, v in entries)
    return out.getvalue()


def as_page(experiment: Experiment, results: Results, report: Report) -> str:
    """The page in ``docs``: Markdown."""
    options = " --quick" if results.quick else ""
    seeds = f"{len(results.seeds)} seeds" if len(results.seeds) > 1 else "1 seed"
    printed = "\n".join(
        "".join(text for text, _ in line).rstrip() for line in report_lines(report, PAGE_WIDTH, "ascii")
    )
    lines = [
        f"# {experiment.name}",
        "",
        f"**{experiment.question}**",
        "",
        " ".join(experiment.method.split()),
        "",
        f"![figure]({experiment.name}.svg)",
        "",
        f"`lstm-lab experiment {experiment.name}{options}` printed, with {seeds} (median, with minimum and maximum",
        f"in brackets), engine {engine()}, lstm-lab {__version__}:",
        "",
        "```text",
        printed,
        "```",
        "",
    ]
    if report.claims:
        lines += ["## What the course texts say", "", "| text | claim | measured |", "|---|---|---|"]
        lines += [f"| {_cell(c.source)} | {_cell(c.text)} | {_cell(c.verdict)} |" for c in report.claims]
        lines.append("")
    return "\n".join(lines)


def save(directory: Path, experiment: Experiment, results: Results, report: Report) -> list[Path]:
    """Writes NAME.json, NAME.csv, NAME.svg and NAME.md into ``directory``, and returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{experiment.name}{suffix}" for suffix in (".json", ".csv", ".svg", ".md")]
    found = as_json(experiment, results, report)
    # One line for each run, so that differences can be read.
    runs = ",\n".join(json.dumps(one) for one in found.pop("runs"))
    write_atomically(paths[0], f'{json.dumps(found, indent=1)[:-2]},\n "runs": [\n{runs}\n]}}\n')
    write_atomically(paths[1], as_csv(results))
    save_charts(report.charts, paths[2])
    write_atomically(paths[3], as_page(experiment, results, report))
    return paths


def _summary(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Median, minimum and maximum of each single number, by variant and metric."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for label in results.variants:
        metrics = results.cells[label, results.seeds[0]]
        summary[label] = {
            name: results.spread(label, name)._asdict()
            for name, value in metrics.items()
            if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        }
    return summary


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns, cut at spaces where there are any."""
    return textwrap.wrap(text, width) or [""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
