"""Outcomes of experiments on disk: what was measured, when and by what; and an old one beside a new one."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from ..arguments import checked
from ..files import write_atomically
from .experiment import Results
from .runner import engine, rounded
from .words import Spread

#: How many outcomes of each experiment are kept.
KEPT = 20


@dataclass(frozen=True)
class Record:
    """The outcome of one experiment."""

    name: str
    results: Results
    #: UTC, as 2026-11-21T21:20:53; empty for the outcome that comes with the package.
    when: str
    engine: str
    version: str
    #: Of all runs together.
    seconds: float

    @classmethod
    def of(cls, name: str, results: Results, seconds: float) -> Record:
        """What was measured just now, by this version."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        return cls(name, results, when, engine(), __version__, round(seconds, 1))

    def text(self) -> str:
        """As JSON, with a line for each run; numbers have six digits."""
        results = self.results
        head = {
            "experiment": self.name,
            "when": self.when,
            "engine": self.engine,
            "version": self.version,
            "seconds": self.seconds,
            "quick": results.quick,
            "seeds": list(results.seeds),
            "variants": {label: dict(settings) for label, settings in results.variants.items()},
        }
        runs = (
            {"variant": variant, "seed": seed, "numbers": numbers} for (variant, seed), numbers in results.cells.items()
        )
        lines = ",\n".join(json.dumps(rounded(run)) for run in runs)
        return f'{json.dumps(head)[:-1]}, "runs": [\n{lines}\n]}}\n'

    @classmethod
    def parse(cls, text: str) -> Record | None:
        """What ``text`` wrote; None for anything else."""
        try:
            found = json.loads(text)
            runs = {(str(run["variant"]), int(run["seed"])): dict(run["numbers"]) for run in found["runs"]}
            variants = {str(label): dict(settings) for label, settings in found["variants"].items()}
            seeds = tuple(int(seed) for seed in found["seeds"])
            if not seeds or not all((label, seed) in runs for label in variants for seed in seeds):
                return None
            results = Results(variants, seeds, runs, bool(found["quick"]))
            name, when, engine, version = (str(found[key]) for key in ("experiment", "when", "engine", "version"))
            return cls(name, results, when, engine, version, float(found["seconds"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@checked
def published(name: str) -> Record | None:
    """The outcome that the page in ``docs/experiments`` shows."""
    try:
        record = Record.parse((files(__package__) / "published" / f"{name}.json").read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if record is None else replace(record, when="")


@checked
def keep(directory: Path, record: Record) -> None:
    """Write ``record`` into ``directory``, unless the newest one there has the same runs; the oldest ones go."""
    folder = directory / record.name
    known = past(directory, record.name)
    again = Record.parse(record.text())
    if known and again is not None and known[0].results == again.results:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{record.when.replace(':', '')}.json", record.text())
    for path in _paths(folder)[KEPT:]:
        path.unlink(missing_ok=True)


@checked
def past(directory: Path, name: str) -> list[Record]:
    """What ``keep`` wrote, the newest first."""
    found = []
    for path in _paths(directory / name):
        try:
            record = Record.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if record is not None and record.name == name:
            found.append(record)
    return found


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), reverse=True) if folder.is_dir() else []


class Compared(NamedTuple):
    """One number of one variant, in two outcomes."""

    variant: str
    metric: str
    old: Spread
    new: Spread
    #: Whether both have several seeds, so that the spreads are more than one run.
    repeated: bool

    @property
    def verdict(self) -> str:
        """ "same"; "higher" or "lower" where the new runs lie wholly above or below the old ones; else "not shown"."""
        if self.old == self.new:
            return "same"
        if self.repeated and self.new.low > self.old.high:
            return "higher"
        if self.repeated and self.new.high < self.old.low:
            return "lower"
        return "not shown"


def compare(old: Record, new: Record) -> list[Compared]:
    """Every number that both have, variant by variant."""
    repeated = min(len(old.results.seeds), len(new.results.seeds)) > 1
    found = []
    for label in new.results.variants:
        before, after = spreads(old.results, label), spreads(new.results, label)
        found += [Compared(label, name, before[name], after[name], repeated) for name in after if name in before]
    return found


def spreads(results: Results, label: str) -> dict[str, Spread]:
    """Median and extremes of each single number over the finished runs of that variant, by its name.

    Where the runs measured nothing but lists: of the lists' last entries.
    """
    runs = [results.cells[label, seed] for seed in results.seeds if (label, seed) in results.cells]
    if not runs:
        return {}
    singles = {name: [run.get(name) for run in runs] for name in runs[0] if _is_number(runs[0][name])}
    singles = singles or {
        f"last of {name}": [run[name][-1] for run in runs]
        for name in runs[0]
        if all(isinstance(run.get(name), list) and run[name] and _is_number(run[name][-1]) for run in runs)
    }
    return {name: _spread(values) for name, values in singles.items() if all(map(_is_number, values))}


def _spread(values: Sequence[float | None]) -> Spread:
    numbers = sorted(math.inf if value is None else float(value) for value in values)
    return Spread(statistics.median(numbers), numbers[0], numbers[-1])


def _is_number(value: Any) -> bool:
    """``None`` stands for what was not finite."""
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def differences(old: Record, new: Record) -> list[str]:
    """What was not the same when they were measured, as "seeds: 3, now 5"."""
    pairs: dict[str, tuple[object, object]] = {
        "runs": ("quick" if old.results.quick else "full", "quick" if new.results.quick else "full"),
        "seeds": (len(old.results.seeds), len(new.results.seeds)),
        "version": (old.version, new.version),
        "engine": (old.engine, new.engine),
    }
    before, after = old.results.variants, new.results.variants
    shared = [label for label in after if label in before]
    if len(before) != len(after) or len(shared) != len(after):
        pairs["variants"] = (len(before), f"{len(after)}, of which {len(shared)} are in both")
    for label in shared:
        for setting in _changed(before[label], after[label]):
            pairs.setdefault(setting, (before[label].get(setting, "none"), after[label].get(setting, "none")))
    return [f"{what}: {a}, now {b}" for what, (a, b) in pairs.items() if a != b]


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The settings that differ; lists and tuples are the same to JSON."""
    return [key for key in {**old, **new} if rounded(old.get(key)) != rounded(new.get(key))]
