"""How ``verify`` checks: each check runs its cases on every engine, compares them with every available reference,
and keeps the largest error of each array."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from ..engine.config import DtypeName, ModelConfig, OptimizerConfig
from ..engine.interface import EngineModule
from ..nn.numerics import relative_error
from .cases import Case, GradientCase, Results, Seed, random_training, stacked

if TYPE_CHECKING:
    from ..engine.core import Core

#: Largest relative error allowed between two engines, and between an engine and PyTorch.
BOUNDS: dict[DtypeName, float] = {"float64": 1e-12, "float32": 1e-5}
#: Largest relative error allowed against central differences, in float64.
DIFFERENCES_BOUND = 1e-6
#: Largest absolute and largest relative error allowed in a kernel's own σ, tanh and exp.
FUNCTION_BOUNDS: dict[DtypeName, float] = {"float64": 1e-15, "float32": 5e-7}

#: What an engine is compared with, in the order of a check's rows.
REFERENCES = ("long double", "itself", "twin", "textbook", "differences", "PyTorch")


@dataclass(frozen=True)
class Row:
    """One engine against one reference, over all sizes of one cell or option."""

    section: str
    name: str
    #: "core" or "twin".
    engine: str
    #: The core's kernel; None for the twin.
    kernel: str | None
    #: One of ``REFERENCES``.
    reference: str
    dtype: DtypeName
    bound: float
    #: Every array's largest relative error, ‖a − b‖ / (max(‖a‖, ‖b‖) + 1e-12); NaN if the array contains NaN.
    errors: dict[str, float] = field(default_factory=dict)
    #: The error that was raised, if any.
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing was raised and every error is within the bound."""
        return not self.problem and all(error <= self.bound for error in self.errors.values())

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: an error that is not finite becomes None."""
        errors = {name: error if math.isfinite(error) else None for name, error in self.errors.items()}
        return {**vars(self), "errors": errors, "passed": self.passed}


@dataclass(frozen=True)
class NamedEngine:
    """An engine, and what it is called: "core", with each of its kernels, or "twin"."""

    name: str
    module: EngineModule

    @property
    def kernel(self) -> str | None:
        """Of the core; None for the twin."""
        return self.module.kernel


@dataclass(frozen=True)
class Engines:
    """All engines to check."""

    #: One for each kernel; empty where the core was not built.
    core: tuple[NamedEngine, ...]
    twin: NamedEngine


class Check(Protocol):
    """One cell, option or function, in all its comparisons."""

    @property
    def section(self) -> str:
        """The heading under which the rows are printed."""
        ...

    @property
    def name(self) -> str:
        """What is checked, in a word or two."""
        ...

    def rows(self, engines: Engines) -> list[Row]:
        """Run the check: one row for each engine, reference and dtype."""
        ...


class _Tally:
    """The rows of one check, each with the largest errors so far."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._rows: dict[tuple[NamedEngine, str, str], Row] = {}

    def add(
        self,
        engine: NamedEngine,
        reference: str,
        dtype: DtypeName,
        bound: float,
        compare: Callable[[], dict[str, float]],
    ) -> None:
        """Take the errors that ``compare`` returns, or note what it raises; the check continues either way."""
        key = engine, reference, dtype
        row = self._rows.get(key)
        if row is None:
            row = Row(self._check.section, self._check.name, engine.name, engine.kernel, reference, dtype, bound)
        errors, problem = dict(row.errors), row.problem
        try:
            for name, error in compare().items():
                errors[name] = _larger(errors.get(name, 0.0), error)
        except Exception as error:
            problem = problem or f"{type(error).__name__}: {error}"
        self._rows[key] = replace(row, errors=errors, problem=problem)

    def rows(self) -> list[Row]:
        return sorted(self._rows.values(), key=lambda row: REFERENCES.index(row.reference))


def _larger(a: float, b: float) -> float:
    """The larger of two errors; NaN counts as the largest."""
    return float(np.maximum(a, b))


def relative_errors(results: Results, expected: Results) -> dict[str, float]:
    """The relative error of each expected array; layers that share a name give the largest one."""
    errors: dict[str, float] = {}
    for key, array in expected.items():
        if results[key].dtype != array.dtype:
            raise TypeError(f"{key}: got {results[key].dtype}, expected {array.dtype}")
        name = key.split()[0]
        errors[name] = _larger(errors.get(name, 0.0), relative_error(results[key], array))
    return errors


# ---------------------------------------------------------------------- engines against references


@dataclass(frozen=True)
class Size:
    """How to make the cases of one size: ``make(dtype, draw)`` for each of ``draws``."""

    make: Callable[[DtypeName, int], Case]
    draws: int = 1
    #: How many entries of each gradient are compared with central differences.
    entries: int = 0


@dataclass(frozen=True)
class Comparison:
    """The core with the twin, both with central differences and with other implementations."""

    section: str
    name: str
    sizes: Sequence[Size]
    dtypes: Sequence[DtypeName] = tuple(BOUNDS)
    #: By the name of a reference, the results of a case, or some of them, that it gives.
    others: Mapping[str, Callable[[Any], Results]] = field(default_factory=dict)

    def rows(self, engines: Engines) -> list[Row]:
        """Run the check: one row for each engine, reference and dtype."""
        tally = _Tally(self)
        for dtype in self.dtypes:
            for size in self.sizes:
                cases = [size.make(dtype, draw) for draw in range(size.draws)]
                self._compare(tally, cases, dtype, engines)
                if size.entries and dtype == "float64":
                    for engine in (*engines.core, engines.twin):
                        compare = functools.partial(_difference_errors, cases, engine, size.entries)
                        tally.add(engine, "differences", dtype, DIFFERENCES_BOUND, compare)
        return tally.rows()

    def _compare(self, tally: _Tally, cases: Sequence[Case], dtype: DtypeName, engines: Engines) -> None:
        results = functools.cache(functools.partial(_results, cases))  # all comparisons use one run of an engine

        def errors(engine: NamedEngine, theirs: Results | None) -> dict[str, float]:
            return relative_errors(results(engine), results(engines.twin) if theirs is None else theirs)

        references: dict[str, Results | None] = {"twin": None}
        references |= {name: stacked([other(case) for case in cases]) for name, other in self.others.items()}
        for reference, theirs in references.items():
            for engine in engines.core if theirs is None else (*engines.core, engines.twin):
                tally.add(engine, reference, dtype, BOUNDS[dtype], functools.partial(errors, engine, theirs))


def _results(cases: Sequence[Case], engine: NamedEngine) -> Results:
    return stacked([case.results(engine.module) for case in cases])


def _difference_errors(cases: Sequence[Case], engine: NamedEngine, entries: int) -> dict[str, float]:
    pairs = [cast(GradientCase, case).gradients(engine.module, entries) for case in cases]
    given, numerical = (stacked(results) for results in zip(*pairs, strict=True))
    return relative_errors(given, numerical)


# ------------------------------------------------------------------------------ the core by itself


@dataclass(frozen=True)
class Function:
    """A kernel's own σ, tanh or exp against the same in long double.

    The range ends where e^x comes near the denormals, which the core takes for 0. The absolute error of
    e^x is taken at x ≤ 0, because it has no bound for positive x.
    """

    name: str
    draws: int
    seed: Seed
    section: str = "functions"

    def rows(self, engines: Engines) -> list[Row]:
        """Run the check: one row for each engine, reference and dtype."""
        tally = _Tally(self)
        for dtype, bound in FUNCTION_BOUNDS.items():
            x = self._arguments(80 if dtype == "float32" else 700).astype(dtype)
            exact = self._exact(x.astype(np.longdouble))
            for engine in engines.core:
                tally.add(engine, "long double", dtype, bound, functools.partial(self._errors, engine, x, exact))
        return tally.rows()

    def _arguments(self, limit: float) -> np.ndarray:
        """Of either sign and of every size from 1e-30 to ``limit``, most of them where the functions bend."""
        random = np.random.default_rng(self.seed)
        sizes = [np.geomspace(1e-30, limit, self.draws), *(random.uniform(0, top, self.draws) for top in (1, 20))]
        return np.concatenate([*sizes, *(-x for x in sizes)])

    def _exact(self, x: np.ndarray) -> np.ndarray:
        exact: np.ndarray
        if self.name == "sigmoid":
            exact = np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
        else:
            exact = {"tanh": np.tanh, "exp": np.exp}[self.name](x)
        return exact

    def _errors(self, engine: NamedEngine, x: np.ndarray, exact: np.ndarray) -> dict[str, float]:
        difference = np.abs(cast("Core", engine.module).elementwise(self.name, x) - exact)
        absolute = difference[x <= 0] if self.name == "exp" else difference
        return {"absolute": float(absolute.max()), "relative": float((difference / np.abs(exact)).max())}


@dataclass(frozen=True)
class Repetition:
    """The same training twice: with the same kernel and number of threads, not one bit may differ."""

    threads: int
    seed: Seed
    section: str = "repetition"

    @property
    def name(self) -> str:
        """The number of threads."""
        return f"threads: {self.threads}"

    def rows(self, engines: Engines) -> list[Row]:
        """Run the check: one row for each engine, reference and dtype."""
        tally = _Tally(self)
        for dtype in BOUNDS:
            config = ModelConfig(29, 33, 29, num_layers=2, dropout=0.2, dtype=dtype)
            case = random_training(config, OptimizerConfig(), 7, 5, threads=self.threads, seed=self.seed)
            for engine in engines.core:
                tally.add(engine, "itself", dtype, 0.0, functools.partial(_differing, case, engine))
        return tally.rows()


def _differing(case: Case, engine: NamedEngine) -> dict[str, float]:
    """The share of each array's entries that differ from one run to the next."""
    first, second = (_results([case], engine) for _ in range(2))
    return {name: float(np.mean(array != second[name])) for name, array in first.items()}
