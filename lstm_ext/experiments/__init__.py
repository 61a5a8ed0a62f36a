"""Experiments: questions about recurrent networks, answered by measuring.

    experiment = load("memory")
    results = run(experiment, seeds=range(3), quick=True)
    print(*experiment.report(results).findings, sep="\\n")

Each is a file, an ``Experiment`` with variants to compare; ``runner`` runs them and keeps finished runs,
``export`` turns the outcome into text, JSON, CSV and pages, and ``records`` keeps outcomes and compares them.
On the command line: ``lstm-lab experiment NAME``.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from ..errors import ArgumentError
from .experiment import Claim, Experiment, Report, Results, Table
from .runner import run
from .words import Spread

__all__ = ["NAMES", "SUBJECTS", "Claim", "Experiment", "Report", "Results", "Spread", "Table", "load", "run"]

#: What the experiments are about, in the order of a course; each is in the module of its name, with underscores.
SUBJECTS = {
    "Memory and gradients": ("gradient-flow", "memory", "classics"),
    "Cells": ("ablation", "lstm-vs-gru"),
    "Training": ("baselines", "optimizers", "depth", "dropout"),
    "Sequences and text": ("temperature", "sentiment", "ner", "forecast", "seq2seq"),
}
NAMES = tuple(name for names in SUBJECTS.values() for name in names)


def load(name: str, data: str | None = None) -> Experiment:
    """The experiment of that name; ``data`` is a file, for those that take one. Raises ArgumentError."""
    if name not in NAMES:
        close = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(NAMES)}"
        raise ArgumentError(f"experiment: got {name!r}; {hint}")
    kind: type[Experiment] = import_module(f".{name.replace('-', '_')}", __name__).EXPERIMENT
    return kind(data)
