"""Experiments as lines of text: what is known of them, their outcomes, and an old outcome beside a new one."""

from __future__ import annotations

import calendar
import math
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence

from rich.style import Style
from rich.text import Text

from lstm_ext.experiments import Claim, Report, Results
from lstm_ext.experiments.charts import Chart, LineChart, chart_lines, ranking
from lstm_ext.experiments.export import table_lines
from lstm_ext.experiments.records import Compared, Record, compare, differences, spreads
from lstm_ext.experiments.words import Spread
from lstm_ext.visualization.drawing import RGB, Glyphs

from .units import ago, clock

#: How many numbers stand in the comparison before the rest is only counted.
_ROWS = 40
#: What a verdict looks like without colours, and with them.
_VERDICTS = {"higher": ("+", "bold"), "lower": ("-", "bold"), "same": ("=", "dim"), "not shown": ("~", "dim")}


def when(record: Record, now: float | None = None) -> str:
    """ "published", or how long ago it was."""
    if not record.when:
        return "published"
    try:
        then = calendar.timegm(time.strptime(record.when, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return "earlier"
    return ago(max(0.0, (time.time() if now is None else now) - then))


def facts(record: Record) -> str:
    """How it was measured: "quick · 3 seeds · 0:35 · c avx512 · 0.1.0"."""
    results = record.results
    seeds = f"{len(results.seeds)} seed{'s' * (len(results.seeds) > 1)}"
    kind = "quick" if results.quick else "full"
    return " · ".join([kind, seeds, clock(record.seconds), record.engine, f"lstm-lab {record.version}"])


def figure_lines(
    charts: Iterable[Chart], width: int, height: int, glyphs: Glyphs, colours: Sequence[RGB]
) -> Iterator[Text]:
    """The charts below each other; the axes of curves take ``height`` lines."""
    for chart in charts:
        first = True
        for line in chart_lines(chart, width, glyphs, height):
            text = Text(end="")
            for piece, curve in line:
                text.append(piece, _colour(colours, curve) if curve >= 0 else "bold" if first else "")
            text.rstrip()
            first = False
            yield text
        yield Text("")


def _colour(colours: Sequence[RGB], curve: int) -> Style:
    red, green, blue = colours[curve % len(colours)]
    return Style.parse(f"rgb({red},{green},{blue})")


def tables(report: Report, width: int) -> Iterator[Text]:
    """The tables below each other."""
    for table in report.tables:
        head = len(textwrap.wrap(table.title, width))
        for number, line in enumerate(table_lines(table, width)):
            yield Text(line, "bold" if number < head else "dim" if number == head else "")
        yield Text("")


def answer(report: Report, seeds: int, width: int) -> Iterator[Text]:
    """What was found, in which order, and what course texts say beside it."""
    for finding in report.findings:
        yield from _item(finding, width)
    if seeds < 2:
        yield from _item("With one seed there are no intervals: that variants differ is not shown.", width, "yellow")
    order = list(rankings(report, seeds, width))
    if order:
        yield Text("")
        yield from order
    if report.claims:
        yield Text("")
        yield Text("What course texts say", "bold")
        for claim in report.claims:
            yield Text("")
            yield from _claim(claim, width)


def rankings(report: Report, seeds: int, width: int) -> Iterator[Text]:
    """The ends of the figures' curves, and their bars, in order: which differences the runs show, and which not."""
    begun = False
    for chart in report.charts:
        found = ranking(chart, seeds)
        if len(found) < 2:
            continue
        if not begun:
            yield Text("In order, lowest first", "bold")
            yield from prose("<: every run lies above every run of the line before. ~: not shown.", width, "dim")
            begun = True
        at = f", at {chart.curves[0].x[-1]:g} {chart.x_label}" if isinstance(chart, LineChart) else ""
        yield Text("")
        yield from prose(f"{chart.title}{at}", width)
        names = max(len(one.name) for one in found)
        texts = [spread(one.spread) for one in found]
        for one, text in zip(found, texts, strict=True):
            mark = " " if one.shown is None else "<" if one.shown else "~"
            yield Text(
                f"{mark} {one.name:<{names}}  {text:>{max(map(len, texts))}}", "dim" if one.shown is False else ""
            )


def _claim(claim: Claim, width: int) -> Iterator[Text]:
    yield from prose(f'"{claim.text}"', width)
    yield from prose(claim.source, width, "dim", "  ")
    yield from prose(claim.verdict, width, "cyan", "  ")


def written(report: Report, width: int) -> Iterator[Text]:
    """What networks wrote."""
    for title, text in report.texts:
        yield Text(title, "bold")
        for line in text.splitlines():
            yield from prose(line, width, "", "  ")
        yield Text("")


def _item(text: str, width: int, style: str = "") -> Iterator[Text]:
    lines = textwrap.wrap(text, max(20, width - 2)) or [""]
    for number, line in enumerate(lines):
        yield Text(("· " if number == 0 else "  ") + line, style)


def prose(text: str, width: int, style: str = "", indent: str = "") -> Iterator[Text]:
    """Lines of at most ``width`` columns."""
    for line in textwrap.wrap(text, max(20, width - len(indent))) or [""]:
        yield Text(indent + line, style)


def comparison_lines(old: Record, new: Record, width: int, now: float | None = None) -> Iterator[Text]:
    """Every number of two outcomes side by side, those that differ first, under what was not the same."""
    yield Text(f"new  {when(new, now)}: {facts(new)}")
    yield Text(f"old  {when(old, now)}: {facts(old)}")
    changed = differences(old, new)
    yield from prose(f"differs  {'; '.join(changed)}" if changed else "measured in the same way", width, "yellow")
    yield Text("")
    compared = compare(old, new)
    if not compared:
        yield Text("They have no number in common.", "dim")
        return
    counts = {verdict: sum(one.verdict == verdict for one in compared) for verdict in _VERDICTS}
    yield Text(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count), "bold")
    for line in textwrap.wrap(
        "+ and -: every new run lies above, or below, every old one. ~: the runs overlap, or there is one seed; "
        "a difference is not shown.",
        width,
    ):
        yield Text(line, "dim")
    yield Text("")
    order = list(_VERDICTS)
    rows = sorted(compared, key=lambda one: order.index(one.verdict) // 2 if one.verdict != "same" else 9)
    yield from _compared(rows[:_ROWS], width)
    if len(rows) > _ROWS:
        yield Text(f"and {len(rows) - _ROWS} more", "dim")


def _compared(rows: Sequence[Compared], width: int) -> Iterator[Text]:
    """A line for each number, or two: mark, variant, metric, old, new."""
    cells = [(one.variant, one.metric, spread(one.old), spread(one.new)) for one in rows]
    sizes = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = width - sum(sizes[1:]) - 8
    for one, texts in zip(rows, cells, strict=True):
        mark, style = _VERDICTS[one.verdict]
        variant, metric, old, new = texts
        if sizes[0] > room:
            yield Text(f"{mark} {variant}: {metric}", style)
            yield Text(f"    {old}, now {new}", style)
        else:
            line = f"{mark} {variant:<{sizes[0]}}  {metric:<{sizes[1]}}  {old:>{sizes[2]}}  {new:>{sizes[3]}}"
            yield Text(line, style)


def variant_lines(results: Results, width: int) -> Iterator[Text]:
    """A line for each variant: which seeds are measured, and the medians so far of as many numbers as fit."""
    known = {label: spreads(results, label) for label in results.variants}
    names = list(dict.fromkeys(name for own in known.values() for name in own))
    seeds = len(results.seeds)
    dots = seeds <= 10
    labels = max(4, *(len(label) for label in known)) if known else 4
    columns = [["runs".ljust(max(4, seeds)) if dots else f"of {seeds}"]]
    for label in known:
        done = [(label, seed) in results.cells for seed in results.seeds]
        marks = "".join("●" if one else "○" for one in done)
        columns[0].append(marks.ljust(max(4, seeds)) if dots else f"{sum(done)}".rjust(len(f"of {seeds}")))
    room = width - labels - 2 - len(columns[0][0])
    for name in names:
        texts = [name, *(spread(own[name]) if name in own else "" for own in known.values())]
        size = max(map(len, texts))
        if size + 2 > room:
            break
        room -= size + 2
        columns.append([text.rjust(size) for text in texts])
    for number, (label, *texts) in enumerate(zip(["variant", *known], *columns, strict=True)):
        yield Text("  ".join([label.ljust(labels), *texts]), "" if number else "dim")


def spread(value: Spread) -> str:
    """A median with its extremes, with three digits, or all digits of whole numbers."""
    whole = all(math.isinf(end) or end == round(end) for end in value)
    return value.text(".0f" if whole else ".3g")
