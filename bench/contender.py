"""The contenders: who they are, and what each can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from lstm_ext.cells import CELLS

from .problem import Problem
from .rows import Row

OURS = "ours"
#: Groups of contenders, and the module that each needs.
GROUPS = {OURS: "lstm_ext.engine._core", "twin": "numpy", "torch": "torch", "jax": "jax"}
PEERS = ("torch", "jax")


@dataclass(frozen=True)
class Contender:
    """``key`` is the group's name, or begins with it and a hyphen."""

    key: str
    label: str

    @property
    def group(self) -> str:
        return self.key.split("-")[0]


#: By the kind of row.
CONTENDERS = {
    "training": (
        Contender(OURS, "lstm-lab"),
        Contender("twin", "NumPy twin"),
        Contender("torch", "PyTorch"),
        Contender("torch-fused", "PyTorch, fused Adam"),
        Contender("jax", "JAX"),
    ),
    "float64": (Contender(OURS, "lstm-lab, float64"), Contender("ours-float32", "lstm-lab, float32")),
    "sampling": (
        Contender(OURS, "lstm-lab"),
        Contender("ours-calls", "lstm-lab, call by call"),
        Contender("twin", "NumPy twin"),
        Contender("torch", "PyTorch"),
        Contender("torch-cell", "PyTorch, LSTMCell"),
        Contender("jax", "JAX, call by call"),
        Contender("jax-scan", "JAX, scan"),
    ),
}


def available_groups(wanted: Iterable[str] = tuple(GROUPS)) -> tuple[tuple[str, ...], dict[str, str]]:
    """Those of ``wanted`` that can take part here, and for each other one why not."""
    absent = {
        group: "was not built" if group == OURS else "is not installed"
        for group in wanted
        if find_spec(GROUPS[group]) is None
    }
    return tuple(group for group in wanted if group not in absent), absent


def counting_peers(row: Row) -> tuple[str, ...]:
    """The groups that ``row`` is measured against: none in float64, which only meets its own float32."""
    if row.kind == "float64":
        return ()
    # torch has no textbook GRU. Its nn.GRU is timed beside it, as what comes nearest.
    return ("jax",) if CELLS[row.cell].lacking(row.config().layer(0), "PyTorch") else PEERS


class Trainer(Protocol):
    """One contender in one training row."""

    #: Whether its parameters are those of ``Problem`` one for one, so that its losses after some
    #: updates can be compared too. Not so in PyTorch, whose layers have every bias twice.
    same_parameters: bool

    def loss_and_gradients(self) -> tuple[float, dict[str, np.ndarray]]:
        """Of the first batch, from the initial state and weights; names and shapes as in ``Problem.weights``."""
        ...

    def train(self) -> np.ndarray:
        """One round: a step on each batch, the state carried on, over rounds too. Returns the losses (N,)."""
        ...


class Sampler(Protocol):
    """One contender in one sampling row."""

    def greedy(self, length: int) -> np.ndarray:
        """The likeliest symbol each time, after symbol 0 and from the initial state: (length,)."""
        ...

    def draw(self) -> None:
        """Draws ``SAMPLE_LENGTH`` symbols from the softmax, each fed back."""
        ...


def make_trainer(key: str, problem: Problem, threads: int) -> Trainer:
    """The contender ``key`` in a row of training. Imports the package that it needs."""
    match key:
        case "ours" | "ours-float32" | "twin":
            from .own import EngineTrainer

            return EngineTrainer(problem, "numpy" if key == "twin" else "c", threads)
        case "torch" | "torch-fused":
            from .peer_torch import TorchTrainer

            return TorchTrainer(problem, fused=key == "torch-fused")
        case "jax":
            from .peer_jax import JaxTrainer

            return JaxTrainer(problem)
    raise KeyError(key)


def make_sampler(key: str, problem: Problem) -> Sampler:
    """The contender ``key`` in a row of sampling. Imports the package that it needs."""
    match key:
        case "ours" | "ours-calls" | "twin":
            from .own import EngineSampler

            return EngineSampler(problem, "numpy" if key == "twin" else "c", calls=key == "ours-calls")
        case "torch":
            from .peer_torch import TorchSampler

            return TorchSampler(problem)
        case "torch-cell":
            from .peer_torch import TorchCellSampler

            return TorchCellSampler(problem)
        case "jax" | "jax-scan":
            from .peer_jax import JaxSampler

            return JaxSampler(problem, scan=key == "jax-scan")
    raise KeyError(key)
