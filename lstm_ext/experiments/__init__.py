"""Experiments: questions about recurrent networks, answered by measuring.

    experiment = load("memory")
    results = run(experiment, seeds=range(3), quick=True)
    print(*experiment.report(results).findings, sep="\\n")

Each is a file, an ``Experiment`` with variants to compare; ``runner`` runs them and keeps finished runs,
and ``export`` turns the outcome into text, JSON, CSV and pages. On the command line:
``lstm-lab experiment NAME``.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from ..errors import ArgumentError
from .experiment import Claim, Experiment, Report, Results, Table
from .runner import run
from .words import Spread

__all__ = ["NAMES", "Claim", "Experiment", "Report", "Results", "Spread", "Table", "load", "run"]

#: In the order of a course; each in the module of that name, with underscores.
NAMES = (
    "gradient-flow",
    "memory",
    "classics",
    "ablation",
    "lstm-vs-gru",
    "baselines",
    "optimizers",
    "depth",
    "dropout",
    "temperature",
    "sentiment",
    "ner",
    "forecast",
    "seq2seq",
)


def load(name: str, data: str | None = None) -> Experiment:
    """The experiment of that name; ``data`` is a file, for those that take one. Raises ArgumentError."""
    if name not in NAMES:
        close = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(NAMES)}"
        raise ArgumentError(f"experiment: got {name!r}; {hint}")
    kind: type[Experiment] = import_module(f".{name.replace('-', '_')}", __name__).EXPERIMENT
    return kind(data)
