"""The benchmark on screen: bars for each row as it is measured, and tables at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from lstm_ext.timing import Spread
from lstm_ext.visualization.drawing import draw_bar

from .contender import OURS, PEERS
from .report import Report, RowResult, Timing
from .targets import Verdict

#: Cells of a bar, and of the name before it.
BAR, LABEL = 28, 24
_MARKS = {True: ("met", "green"), False: ("missed", "red"), None: ("open", "yellow")}


def threads_text(threads: int) -> str:
    """1 thread, 2 threads."""
    return f"{threads} thread{'' if threads == 1 else 's'}"


def duration(seconds: float) -> str:
    """With three digits: 45.1 µs, 3.02 ms, 1.20 s."""
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit * 0.9995:
            return f"{_digits(seconds * factor)} {unit}"
    return f"{_digits(seconds)} s"


def heading(report: Report) -> Text:
    """Machine, versions, who is missing, and how to read what follows."""
    machine, text = report.machine, Text()
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    text.append(f"{machine['processor']}, {machine['processors']} processors, load {machine['load']:.1f}\n")
    if machine["kernel"]:
        text.append(f"kernel {machine['kernel']}, {machine['compiler']}\n")
    text.append(f"{versions}\n")
    for name, reason in report.absent.items():
        text.append(f"left out: {name} {reason}\n", "yellow")
    if machine["load"] > 0.3 * machine["processors"]:
        text.append("other programs keep this machine busy: the figures will be noisy\n", "yellow")
    text.append("Rows are cell-H-B-T; time per step (or character): median, interquartile range; bars: speed\n", "dim")
    return text


def row_lines(result: RowResult, verdicts: Iterable[Verdict], *, ascii_only: bool) -> Iterator[Text]:
    """One row: every contender's speed, and what to compare it with."""
    best = min((t.seconds.median for t in result.timings if t.seconds), default=1.0)
    yield Text.assemble((result.name, "bold"), (f"  {threads_text(result.threads)}{_rates(result)}", "dim"))
    for timing in result.timings:
        style = "bold cyan" if timing.key == OURS else "" if timing.group in PEERS else "dim"
        line = Text(f"  {timing.label + (' *' if timing.nearest else ''):<{LABEL}}", style)
        if timing.seconds is None:
            yield line.append("  void: ", "bold red").append(timing.void or "", "red")
            continue
        seconds = timing.seconds
        line.append(f"{duration(seconds.median):>8}").append(f"{_iqr(seconds):>5} ", "dim")
        share = max(best / seconds.median, 1 / (BAR if ascii_only else 8 * BAR))  # never nothing
        yield line.append(draw_bar(share, BAR, "ascii" if ascii_only else "block"))
    if any(timing.nearest for timing in result.timings):
        yield Text("  * computes something else: PyTorch has no textbook GRU", "dim")
    conclusions = Text("   ").join(_mark(verdict) for verdict in verdicts)
    if result.ratio and result.best_peer:
        start = Text(f"  {_ratio(result.ratio)} the best peer, {result.best_peer.label}   ")
        conclusions = start.append_text(conclusions)
    elif conclusions:
        conclusions = Text("  ").append_text(conclusions)
    if conclusions:
        conclusions.rstrip()
        yield conclusions
    yield Text()


def summary(results: Sequence[RowResult], verdicts: Sequence[Verdict], threads: int) -> Table:
    """All rows of one number of threads, one line each, with their targets."""
    table = Table(
        box=SIMPLE_HEAD, title=threads_text(threads), title_justify="left", title_style="bold", pad_edge=False
    )
    table.add_column("row", no_wrap=True)
    for name in ("lstm-lab", "best peer", "", "PyTorch", "FMA peak"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    table.add_column("targets")
    for result in results:
        ours, best, share, torch = result.seconds(OURS), result.best_peer, result.peak_share, result.speedup("torch")
        targets = [v for v in verdicts if (v.subject, v.threads) == (result.name, result.threads)]
        table.add_row(
            result.name,
            duration(ours) if ours else "void",
            _ratio(result.ratio) if result.ratio else "",
            Text(_short(best) if best else "", "dim"),
            f"({_ratio(torch)})" if torch and _nearest(result, "torch") else _ratio(torch) if torch else "",
            f"{100 * share:.0f}%" if share else "",
            Text(", ").join(_mark(verdict) for verdict in targets),
        )
    return table


def processes(report: Report, verdicts: Sequence[Verdict]) -> Table:
    """Whole processes, and the memory that a training run takes."""
    table = Table(box=SIMPLE_HEAD, title="processes", title_justify="left", title_style="bold", pad_edge=False)
    for name, justify in (("what", "left"), ("median", "right"), ("IQR", "right"), ("target", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name, seconds in report.processes.items():
        marks = Text("  ").join(_mark(verdict) for verdict in verdicts if verdict.subject == name)
        table.add_row(name, duration(seconds.median), _iqr(seconds), marks)
    for name, size in report.peak_memory.items():
        table.add_row(f"peak memory, {name}", f"{size / 2**20:.0f} MiB", "", "")
    return table


def totals(report: Report, verdicts: Sequence[Verdict]) -> Text:
    """How many targets were met, which were not, and what else went wrong."""
    text = Text()
    for verdict in verdicts:
        if verdict.quantity == "memory":
            text.append("a step's memory differs from the formula by at most ")
            text.append_text(_mark(verdict)).append(f", in {verdict.subject}\n")
    for result in report.disturbed():
        text.append(f"disturbed: {result.name}, {threads_text(result.threads)}: ", "yellow")
        text.append(f"the FMA peak was {result.peak.median / 1e9:.0f} GFLOP/s there\n" if result.peak else "\n")
    for failure in report.failures:
        text.append(f"failed: {failure}\n", "red")
    if not report.complete:
        text.append("stopped early: this is what there was time for\n", "yellow")
    counts = [sum(verdict.met is met for verdict in verdicts) for met in (True, False, None)]
    words = [f"{count} {_MARKS[met][0]}" for count, met in zip(counts, (True, False, None), strict=True) if count]
    text.append(f"targets: {', '.join(words) or 'none measured'}", "bold")
    if counts[2]:
        text.append(" (open: a peer was missing or void)")
    return text


def print_report(console: Console, report: Report, verdicts: Sequence[Verdict]) -> None:
    """Everything but the bars."""
    parts: list[RenderableType] = [
        summary([result for result in report.rows if result.threads == threads], verdicts, threads)
        for threads in dict.fromkeys(result.threads for result in report.rows)
    ]
    if report.processes or report.peak_memory:
        parts.append(processes(report, verdicts))
    parts.append(totals(report, verdicts))
    for part in parts:
        console.print(part)


def _rates(result: RowResult) -> str:
    rate, share = result.operations_per_second, result.peak_share
    if not rate or not share or not result.peak:
        return ""
    return f"  {rate / 1e9:.0f} GFLOP/s, {100 * share:.0f}% of the FMA peak of {result.peak.median / 1e9:.0f}"


def _mark(verdict: Verdict) -> Text:
    """``≥1.8× met``; what is measured against something that stands nowhere else says what came out."""
    wanted, found = f"{verdict.wanted:g}×", _ratio(verdict.measured)
    words = {
        "best": f"≥{wanted}",
        "torch": f"≥{wanted} PyTorch",
        "peak": f"≥{100 * verdict.wanted:.0f}% of the peak",
        "float32": f"{found} float32 (≥{wanted})",
        "memory": f"{100 * verdict.measured:.1f}% (≤{100 * verdict.wanted:.0f}%)",
    }
    text = words.get(verdict.quantity, f"{found} {verdict.quantity} (≤{wanted})")
    word, style = _MARKS[verdict.met]
    return Text(f"{text} ").append(word, style)


def _short(timing: Timing) -> str:
    return timing.label.replace("PyTorch, ", "")


def _nearest(result: RowResult, key: str) -> bool:
    return any(timing.nearest for timing in result.timings if timing.key == key)


def _ratio(value: float) -> str:
    return f"{_digits(value)}×"


def _digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _iqr(seconds: Spread) -> str:
    return f"{100 * (seconds.q3 - seconds.q1) / seconds.median:.0f}%"


def as_json(report: Report, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The report and its targets, ready for JSON."""
    return {**report.to_json(), "targets": [asdict(verdict) for verdict in verdicts]}
