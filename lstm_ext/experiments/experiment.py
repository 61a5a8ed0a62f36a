"""What an experiment is, and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..errors import ArgumentError
from .charts import Chart
from .words import Spread

#: What one variant is: names and plain values that JSON can hold.
Settings = Mapping[str, Any]
#: What one run measured: numbers by name; also lists of numbers, and texts.
Numbers = dict[str, Any]


class Experiment:
    """A question, the variants to compare, and how to measure one of them with one seed.

    A subclass names itself, lists in ``variants`` everything that a run depends on, measures one run, and
    draws its conclusions from the numbers. It holds no state but ``data``, so runs may take place in any order
    and in other processes. Raises ArgumentError for ``data`` if the experiment makes its own.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    #: How the question is tested, for the page in ``docs``.
    method: ClassVar[str]
    #: How many seeds are run by default.
    seeds: ClassVar[int] = 5
    quick_seeds: ClassVar[int] = 3
    #: A description of what ``data`` may be; empty if the experiment makes all its data itself.
    reads: ClassVar[str] = ""

    def __init__(self, data: str | None = None) -> None:
        if data is not None and not self.reads:
            raise ArgumentError(f"data: got {data!r}, but the experiment {self.name!r} makes its own data")
        self.data = data

    def variants(self, quick: bool) -> dict[str, Settings]:
        """Label → settings; ``quick`` gives fewer, smaller or shorter ones."""
        raise NotImplementedError

    def measure(self, settings: Settings, seed: int) -> Numbers:
        """One run. The same arguments give the same numbers, apart from measured times."""
        raise NotImplementedError

    def run_one(self, variant: str, seed: int, quick: bool = False) -> Numbers:
        """``measure`` of the variant with that label."""
        return self.measure(self.variants(quick)[variant], seed)

    def report(self, results: Results) -> Report:
        """Tables, charts, and sentences that follow from the numbers."""
        raise NotImplementedError


@dataclass(frozen=True)
class Results:
    """What an experiment's runs measured; some may be missing."""

    variants: Mapping[str, Settings]
    seeds: tuple[int, ...]
    #: (label, seed) → numbers
    cells: Mapping[tuple[str, int], Numbers]
    quick: bool = False

    def values(self, label: str, metric: str) -> np.ndarray:
        """(seeds,) of a number, (seeds, n) of a list; NaN where JSON had to write null.

        Raises ArgumentError where there is no such run or number."""
        try:
            return np.array([self.cells[label, seed][metric] for seed in self.seeds], dtype=np.float64)
        except KeyError as error:
            raise ArgumentError(f"label, metric: got {label!r}, {metric!r}, but there is no {error}") from None

    def spread(self, label: str, metric: str) -> Spread:
        """Median, minimum and maximum over the seeds; a seed that gave NaN counts as the maximum."""
        values = np.sort(np.nan_to_num(self.values(label, metric), nan=math.inf))
        return Spread(float(np.median(values)), float(values[0]), float(values[-1]))

    def spreads(self, label: str, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a list: medians, minima and maxima over the seeds, (n,) each."""
        values = self.values(label, metric)
        return np.median(values, axis=0), values.min(axis=0), values.max(axis=0)

    def median(self, label: str, metric: str) -> float:
        """The median of a number over the seeds."""
        return self.spread(label, metric).median

    def labels(self, **settings: Any) -> list[str]:
        """The labels of the variants that have all these settings."""
        return [
            label
            for label, own in self.variants.items()
            if all(own.get(name) == value for name, value in settings.items())
        ]


@dataclass(frozen=True)
class Table:
    """Rows of text, with a title and names for the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Claim:
    """Something that a course text says, where it says it, and what the numbers show."""

    source: str
    text: str
    verdict: str


@dataclass(frozen=True)
class Report:
    """An experiment's outcome; ``findings`` are sentences that follow from the numbers."""

    tables: Sequence[Table]
    charts: Sequence[Chart]
    findings: Sequence[str]
    claims: Sequence[Claim] = ()
    #: Titles, and texts that networks wrote.
    texts: Sequence[tuple[str, str]] = field(default=())
