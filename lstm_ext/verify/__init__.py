"""Proof that the engines compute what they say: ``verify()``, and what ``lstm-lab verify`` prints.

For every cell, option and network of ``nn``, at random states and odd sizes, the C core is compared with its
NumPy twin, both with the textbook's equations one step at a time, with central finite differences, and with
PyTorch where it is installed; the core once with every kernel that this machine runs. A mistake that hides in one
comparison shows in another: core and twin were written apart, the equations know no batches, differences know no
backward pass, and PyTorch is not ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from ..cells import CELLS, CellName
from ..cells.config import LayerConfig
from ..engine.backend import engine_module
from ..engine.config import DtypeName, ModelConfig, OptimizerConfig
from ..errors import ArgumentError, MissingError
from . import textbook
from .cases import (
    LayerCase,
    ModelCase,
    Results,
    SamplingCase,
    TrainingCase,
    UpdateCase,
    random_layer,
    random_model,
    random_sampling,
    random_training,
    random_update,
)
from .checks import Check, Comparison, Engines, Function, NamedEngine, Repetition, Row, Size
from .networks import verification_cases

__all__ = ["Check", "Report", "Row", "Verification", "verify"]


@dataclass(frozen=True)
class Report:
    """All rows, and how they were measured."""

    rows: tuple[Row, ...]
    seed: int
    thorough: bool
    kernels: tuple[str, ...]
    #: PyTorch's version, or None if it is not installed.
    torch: str | None
    #: What was left out, and why.
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether there are rows and all of them passed."""
        return bool(self.rows) and not self.failures

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that did not pass."""
        return tuple(row for row in self.rows if not row.passed)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**vars(self), "passed": self.passed, "rows": [row.to_dict() for row in self.rows]}


def verify(*, seed: int = 0, thorough: bool = False, kernels: Sequence[str] | None = None) -> Report:
    """Run every check. ``kernels`` of the core: by default all that this machine can run.

    ``thorough`` tries many more sizes and draws, which takes minutes. Raises ArgumentError for a kernel that does
    not run here.
    """
    verification = Verification(seed=seed, thorough=thorough, kernels=kernels)
    return verification.report([row for check in verification.checks for row in verification.rows(check)])


class Verification:
    """``verify`` step by step, to show its progress: the ``rows`` of each of ``checks``, then the ``report`` of all.

    The arguments and errors are those of ``lstm_ext.verify.verify``.
    """

    def __init__(self, *, seed: int = 0, thorough: bool = False, kernels: Sequence[str] | None = None) -> None:
        notes = []
        core: tuple[NamedEngine, ...] = ()
        try:
            engine_module("c")
        except MissingError as error:
            notes.append(f"Only the NumPy twin is checked, for {error}")
        else:
            from ..engine.core import kernels as available

            core = tuple(NamedEngine("core", engine_module("c", kernel)) for kernel in available())
        if kernels is not None:
            names = [engine.kernel for engine in core]
            for kernel in kernels:
                if kernel not in names:
                    raise ArgumentError(f"kernels: got {kernel!r}, expected some of {names}")
            core = tuple(engine for engine in core if engine.kernel in kernels)
        self._engines = Engines(core, NamedEngine("twin", engine_module("numpy")))
        self._torch: ModuleType | None = None
        try:
            from . import pytorch

            self._torch = pytorch
        except ImportError:
            notes.append("PyTorch is not installed, so nothing is compared with it.")
        self._seed, self._thorough, self._notes = seed, thorough, tuple(notes)
        #: In the order in which they are run and shown.
        self.checks = tuple(_checks(seed, thorough, self._torch))

    @property
    def has_torch(self) -> bool:
        """Whether PyTorch is installed."""
        return self._torch is not None

    def rows(self, check: Check) -> list[Row]:
        """Run one check; without the core, a check that needs it has no rows."""
        return check.rows(self._engines)

    def report(self, rows: Sequence[Row]) -> Report:
        """The report of the rows of all checks."""
        kernels = tuple(str(engine.kernel) for engine in self._engines.core)
        version = None if self._torch is None else str(self._torch.VERSION)
        return Report(tuple(rows), self._seed, self._thorough, kernels, version, self._notes)


# ------------------------------------------------------------------------------------ what to check

_HUGE_LOGITS = "logits of ±1e4"
#: Every cell, with every option: by name, fields of ``LayerConfig``.
VARIANTS: dict[str, dict[str, Any]] = {
    f"{name} {variant}".strip(): {"cell": name, **options}
    for name, cell in CELLS.items()
    for variant, options in cell.variants.items()
}
#: Those tried with a recurrent mask: of each cell the plain one, and the one with every option.
_MASKED = {f"{name} {variant}".strip() for name, cell in CELLS.items() for variant in ("", tuple(cell.variants)[-1])}
_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"kind": "sgd"},
    "sgd momentum": {"kind": "sgd", "momentum": 0.8},
    "rmsprop": {"kind": "rmsprop"},
    "adagrad": {"kind": "adagrad"},
    "adam": {"kind": "adam"},
}
_SAMPLING: dict[str, dict[str, Any]] = {
    "argmax": {"temperature": 0.0},
    "temperature": {"temperature": 0.8},
    "top-k": {"top_k": 4},
    "top-p": {"top_p": 0.7},
    "top-k and top-p": {"temperature": 1.3, "top_k": 9, "top_p": 0.6},
}


# Steps T, batch B, input D, hidden H: odd, one, and beyond what fits into vectors and tiles.


class _LayerSize(NamedTuple):
    steps: int
    batch: int
    inputs: int
    hidden: int
    symbols: bool
    reverse: bool
    padded: bool
    entries: int


_LAYER_SIZES = (
    _LayerSize(1, 1, 1, 1, symbols=False, reverse=False, padded=False, entries=5),
    _LayerSize(4, 1, 1, 3, symbols=True, reverse=True, padded=False, entries=5),
    _LayerSize(3, 2, 2, 1, symbols=True, reverse=False, padded=True, entries=5),
    _LayerSize(5, 3, 4, 3, symbols=False, reverse=False, padded=True, entries=5),
    _LayerSize(5, 3, 4, 3, symbols=False, reverse=True, padded=True, entries=5),
    _LayerSize(7, 4, 5, 17, symbols=True, reverse=True, padded=True, entries=4),
    _LayerSize(6, 13, 37, 17, symbols=False, reverse=False, padded=False, entries=4),
    _LayerSize(3, 2, 19, 65, symbols=False, reverse=True, padded=False, entries=4),
    _LayerSize(9, 35, 7, 64, symbols=True, reverse=False, padded=True, entries=0),  # a product of more than 256 rows
    _LayerSize(2, 3, 5, 270, symbols=False, reverse=False, padded=False, entries=0),  # and one of as many columns
    _LayerSize(3, 1, 70, 129, symbols=True, reverse=False, padded=False, entries=0),
)


class _ModelSize(NamedTuple):
    steps: int
    batch: int
    inputs: int
    hidden: int
    outputs: int
    layers: int
    dropout: float
    threads: int
    entries: int


_MODEL_SIZES = (
    _ModelSize(1, 1, 1, 1, 1, layers=1, dropout=0.0, threads=1, entries=3),
    _ModelSize(4, 2, 2, 1, 2, layers=2, dropout=0.0, threads=2, entries=3),
    _ModelSize(5, 3, 5, 3, 4, layers=3, dropout=0.4, threads=1, entries=4),
    _ModelSize(6, 7, 11, 17, 9, layers=1, dropout=0.3, threads=3, entries=4),
    _ModelSize(3, 1, 66, 130, 65, layers=2, dropout=0.0, threads=2, entries=0),
    _ModelSize(9, 35, 30, 65, 27, layers=2, dropout=0.1, threads=2, entries=0),
)
#: By norm, by value.
_CLIPPINGS = ((0.0, 0.0), (4.0, 0.0), (0.0, 0.5), (4.0, 0.5))


def _checks(seed: int, thorough: bool, torch: ModuleType | None) -> Iterator[Check]:
    """Every check, in order."""
    yield from (Function(name, 200_000 if thorough else 20_000, (seed, 1)) for name in ("sigmoid", "tanh", "exp"))

    sizes: list[_LayerSize] = list(_LAYER_SIZES)
    if thorough:
        flags = list(itertools.product((False, True), repeat=3))
        sizes += [size._replace(symbols=s, reverse=r, padded=p) for size in _LAYER_SIZES for s, r, p in flags]
    masked = {f"{name}, recurrent mask": options for name, options in VARIANTS.items() if name in _MASKED}
    for number, (name, options) in enumerate([*VARIANTS.items(), *masked.items()]):
        for_layers: dict[str, Callable[[LayerCase], Results]] = {"textbook": textbook.layer_results}
        if torch is not None and torch.has_counterpart(options) and name not in masked:
            for_layers["PyTorch"] = torch.layer_results
        yield Comparison(
            "layers",
            name,
            [
                Size(partial(_layer, options, size, name in masked, (seed, 2, number, n)), _draws(size), size.entries)
                for n, size in enumerate(sizes)
            ],
            others=for_layers,
        )

    for number, (name, options) in enumerate([*VARIANTS.items(), (_HUGE_LOGITS, {"cell": "lstm"})]):
        for_models: dict[str, Callable[[ModelCase], Results]] = {"textbook": textbook.model_results}
        if torch is not None and torch.has_counterpart(options):
            for_models["PyTorch"] = torch.model_results
        yield Comparison(
            "models",
            name,
            [
                Size(
                    partial(_model, options, size, name == _HUGE_LOGITS, (seed, 3, number, n)),
                    _draws(size),
                    size.entries,
                )
                for n, size in enumerate(_MODEL_SIZES * (4 if thorough else 1))
            ],
            others=for_models,
        )

    # Training overwrites activations by gradients on its way, so every cell comes again; optimizers take turns.
    turns = itertools.cycle(itertools.product(_OPTIMIZERS.values(), _CLIPPINGS))
    for number, (name, options) in enumerate(VARIANTS.items()):
        yield Comparison(
            "training",
            name,
            [
                Size(partial(_training, options, size, next(turns), (seed, 4, number, n)), _draws(size))
                for n, size in enumerate(_MODEL_SIZES * (4 if thorough else 1))
            ],
        )

    for number, (name, options) in enumerate(_OPTIMIZERS.items()):
        yield Comparison(
            "optimizers",
            name,
            [
                Size(partial(_update, options, clipping, (seed, 5, number, n)))
                for n, clipping in enumerate(_CLIPPINGS * (4 if thorough else 1))
            ],
            others={} if torch is None else {"PyTorch": torch.update_results},
        )

    for number, (name, options) in enumerate(_SAMPLING.items()):
        yield Comparison(
            "sampling",
            name,
            [
                Size(partial(_sampling, options, cell, outputs, (seed, 6, number, n)))
                for n, (cell, outputs) in enumerate(itertools.product(CELLS, (1, 2, 30) * (4 if thorough else 1)))
            ],
        )

    for name, make in verification_cases((seed, 8)).items():
        yield Comparison("networks", name, [Size(make, draws=8 if thorough else 2, entries=6)])

    yield from (Repetition(threads, (seed, 7, threads)) for threads in (1, 2, 3))


def _draws(size: _LayerSize | _ModelSize) -> int:
    """The number of draws that gives even a state six numbers: see ``stacked``."""
    return max(1, 6 // (size.batch * size.hidden))


def _layer(
    options: dict[str, Any], size: _LayerSize, masked: bool, seed: tuple[int, ...], dtype: DtypeName, draw: int
) -> LayerCase:
    lengths = [(size.steps, 0, (size.steps + 1) // 2)[lane % 3] for lane in range(size.batch)]
    return random_layer(
        LayerConfig(input_size=size.inputs, hidden_size=size.hidden, reverse=size.reverse, **options),
        size.steps,
        size.batch,
        symbols=size.symbols,
        lengths=lengths if size.padded else None,
        masked=masked,
        dtype=dtype,
        seed=(*seed, draw),
    )


def _config(options: dict[str, Any], size: _ModelSize, dtype: DtypeName) -> ModelConfig:
    return ModelConfig(
        size.inputs, size.hidden, size.outputs, num_layers=size.layers, dropout=size.dropout, dtype=dtype, **options
    )


def _model(
    options: dict[str, Any], size: _ModelSize, huge_logits: bool, seed: tuple[int, ...], dtype: DtypeName, draw: int
) -> ModelCase:
    config = _config(options, size, dtype)
    return random_model(
        config, size.steps, size.batch, threads=size.threads, huge_logits=huge_logits, seed=(*seed, draw)
    )


def _training(
    options: dict[str, Any],
    size: _ModelSize,
    turn: tuple[dict[str, Any], tuple[float, float]],
    seed: tuple[int, ...],
    dtype: DtypeName,
    draw: int,
) -> TrainingCase:
    optimizer, (clip_norm, clip_value) = turn
    # Gradients of means over a batch are small: a fortieth of what ``_update`` makes up.
    settings = OptimizerConfig(**optimizer, clip_norm=clip_norm / 40, clip_value=clip_value / 40)
    config = _config(options, size, dtype)
    return random_training(config, settings, size.steps, size.batch, threads=size.threads, seed=(*seed, draw))


def _update(
    optimizer: dict[str, Any], clipping: tuple[float, float], seed: tuple[int, ...], dtype: DtypeName, draw: int
) -> UpdateCase:
    settings = OptimizerConfig(**optimizer, clip_norm=clipping[0], clip_value=clipping[1])
    return random_update(settings, dtype=dtype, seed=(*seed, draw))


def _sampling(
    options: dict[str, Any], cell: CellName, outputs: int, seed: tuple[int, ...], dtype: DtypeName, draw: int
) -> SamplingCase:
    """Two layers in float64; in float32 what ``random_sampling`` can do."""
    double = dtype == "float64"
    config = ModelConfig(
        outputs, 9, outputs, cell=cell if double else "rnn", num_layers=2 if double else 1, dtype=dtype
    )
    return random_sampling(config, options, seed=(*seed, draw))
