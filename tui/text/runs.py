"""Past runs as plain text and as JSON."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from rich.cells import cell_len, set_cell_size

from lstm_lab.runs.known import Run

from .curve import sparkline
from .units import ago, clock, number
from .visible import visible

#: The columns of a list and their widths: name and text get the rest.
COLUMNS = {"network": 11, "nats": 6, "bits": 5, "steps": 7, "when": 6}
#: Characters of a curve in plain text.
TREND = 12


def age(run: Run, now: float | None = None) -> str:
    """How long ago it was written, in a few characters: now, 5 min, 3 h, 12 d."""
    if run.gone or not run.modified:
        return "-"
    said = ago(max(0.0, (time.time() if now is None else now) - run.modified))
    return said.replace("just now", "now").replace(" ago", "").replace(" days", " d").replace(" day", " d")


def steps(count: int) -> str:
    """Steps in at most six characters: 812, 12,400, 1.25M."""
    return f"{count:,}" if count < 100_000 else f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1e6:.3g}M"


def cells(run: Run, now: float | None = None) -> dict[str, str]:
    """What stands in the columns of a list; a training loss, where nothing was kept for validation, has a "t"."""
    if run.header is None:
        return {"network": "", "nats": "", "bits": "", "steps": "", "when": age(run, now)}
    return {
        "network": run.network,
        "nats": number(run.loss) + ("" if run.validated else "t"),
        "bits": "-" if math.isnan(run.bits) else f"{run.bits:.2f}",
        "steps": steps(run.step),
        "when": age(run, now),
    }


def title(run: Run, *, ascii_only: bool = False) -> str:
    """The name, with what kind of file it is, if it is not just a saved run."""
    name = visible(run.name)
    if run.kind == "earlier":
        return ("`- " if ascii_only else "└ ") + name.rpartition(".")[2]
    return f"(unsaved) {visible(run.text) or name}" if run.kind == "unsaved" else name


def fit(text: str, width: int, *, right: bool = False, ascii_only: bool = False) -> str:
    """``text`` in exactly ``width`` cells; what is cut off is marked."""
    if cell_len(text) > width:
        mark = "~" if ascii_only else "…"
        text = set_cell_size(text, max(0, width - 1)).rstrip() + mark if width > 1 else set_cell_size(text, width)
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank


def table(runs: Sequence[Run], width: int, *, ascii_only: bool = False) -> list[str]:
    """A heading and a line for each run."""
    names = [title(run, ascii_only=ascii_only) for run in runs]
    texts = [visible(run.text) for run in runs]
    rest = width - sum(COLUMNS.values()) - len(COLUMNS) - TREND - 2
    most_name, most_text = (max([4, *map(cell_len, column)]) for column in (names, texts))
    wide = min(most_text, max(rest - most_name, rest * 2 // 5, 4))
    name = min(most_name, max(rest - wide, 4))

    def line(first: str, second: str, values: dict[str, str], end: str) -> str:
        columns = [fit(first, name, ascii_only=ascii_only), fit(second, wide, ascii_only=ascii_only)]
        columns += [fit(values[each], size, right=each != "network") for each, size in COLUMNS.items()]
        return " ".join([*columns, " " + end]).rstrip()

    lines = [line("name", "text", {each: each for each in COLUMNS}, "loss curve")]
    for run, first, second in zip(runs, names, texts, strict=True):
        end = sparkline(run.trend(TREND), ascii_only=ascii_only) if run.header else visible(run.problem)
        lines.append(line(first, second, cells(run), end))
    return lines


def facts(run: Run) -> dict[str, str]:
    """What is known of one run, by what it is called."""
    said = {"file": visible(shown_path(run.path))}
    if run.writer:
        said["in use"] = f"being written by {visible(run.writer)}"
    elif run.kind == "unsaved":
        said["kept"] = "by a lab that was left without saving"
    if run.timeline:
        said["timeline"] = visible(os.path.basename(run.timeline))
    header = run.header
    if header is None:
        return {**said, "problem": visible(run.problem)}
    config, training = header.config, header.trainer_config
    dropout = f", dropout {config.dropout:g}" if config.dropout else ""
    which = "validation" if run.validated else "training, smoothed"
    loss = "-" if math.isnan(run.loss) else f"{run.loss:.3f} nats, {run.bits:.2f} bits per character ({which})"
    of_step = f", of step {header.history.best_step:,}" if run.validated else ""
    return {
        **said,
        "text": f"{visible(header.text.name)}, {header.text.length:,} characters",
        "network": f"{run.network}, {config.num_parameters:,} parameters{dropout}",
        "training": f"{training.optimizer.kind}, learning rate {header.lr:g}, "
        f"{training.batch_size} x {training.seq_length} characters per step",
        "best loss": loss + of_step,
        "done": f"{header.step:,} steps in {clock(header.seconds)}",
        "written": datetime.fromtimestamp(run.modified).strftime("%Y-%m-%d %H:%M") + f", {size(run.size)}",
    }


def shown_path(path: str) -> str:
    """``path`` as short as it can be said: from the current folder or the user's own on."""
    try:
        path, here = os.path.abspath(path), os.path.join(os.getcwd(), "")
    except OSError:  # the current folder is gone
        return path
    home = os.path.join(os.path.expanduser("~"), "")
    if path.startswith(here):
        return path.removeprefix(here)
    return "~/" + path.removeprefix(home) if path.startswith(home) else path


def size(count: int) -> str:
    """Bytes with three digits: 812 B, 81.2 kB, 1.25 MB."""
    for limit, divisor, unit in ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB")):
        if count < limit * 0.9995:
            return f"{count / divisor:.3g} {unit}"
    return f"{count / 1e9:.3g} GB"


def as_dict(run: Run) -> dict[str, Any]:
    """For JSON; losses are mean nats per character, and what is not known is None."""
    header = run.header
    about: dict[str, Any] = {
        "path": run.path,
        "name": run.name,
        "kind": run.kind,
        "gone": run.gone,
        "problem": run.problem or None,
        "writer": run.writer or None,
        "written": None if not run.modified else datetime.fromtimestamp(run.modified, timezone.utc).isoformat(),
        "bytes": run.size,
    }
    if header is not None:
        known = not math.isnan(run.loss) and not math.isinf(run.loss)
        about |= {
            "data": header.text.name,
            "cell": header.config.cell,
            "hidden_size": header.config.hidden_size,
            "num_layers": header.config.num_layers,
            "parameters": header.config.num_parameters,
            "steps": header.step,
            "seconds": header.seconds,
            "lr": header.lr,
            "loss": run.loss if known else None,
            "bits_per_char": run.bits if known else None,
            "validated": run.validated,
        }
    return {**about, "earlier": [as_dict(old) for old in run.earlier]}
