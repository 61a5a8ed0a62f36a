"""The project's own engines as contenders: the C core and its NumPy twin."""

from __future__ import annotations

import numpy as np

from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.config import ModelConfig
from lstm_ext.engine.interface import Engine, Training

from .problem import LEARNING_RATE, OPTIMIZER, Problem
from .rows import SAMPLE_LENGTH


class EngineTrainer:
    """A whole round is one call, as in the lab's own training loop."""

    same_parameters = True

    def __init__(self, problem: Problem, backend: str, threads: int = 1) -> None:
        self._problem = problem
        self._parameters = problem.parameters.copy()
        self._gradient = np.zeros_like(self._parameters)
        self._moments = np.zeros((2, len(self._parameters)), self._parameters.dtype)
        self._state = problem.state.copy()
        self._rates = np.full(len(problem.inputs), LEARNING_RATE)
        self._next_step = 1
        self._engine = _engine(problem.config, self._parameters, self._gradient, backend, threads)

    @property
    def memory_bytes(self) -> int | None:
        """Working memory of the C core; the twin does not know."""
        return getattr(self._engine, "memory_bytes", None)

    def loss_and_gradients(self) -> tuple[float, dict[str, np.ndarray]]:
        problem = self._problem
        loss = self._engine.forward(problem.inputs[0], problem.targets[0], problem.state.copy())
        self._engine.backward()
        gradients = problem.config.parameter_views(self._gradient.copy())
        return loss, gradients

    def train(self) -> np.ndarray:
        problem = self._problem
        result = self._engine.train(
            problem.inputs,
            problem.targets,
            self._state,
            Training(OPTIMIZER, self._moments, self._next_step, self._rates, 0),
        )
        self._next_step += result.done
        return result.losses


class EngineSampler:
    """``calls``: a call per character, as when each is shown as it comes; otherwise all in one."""

    def __init__(self, problem: Problem, backend: str, *, calls: bool = False) -> None:
        parameters = problem.parameters.copy()
        self._engine = _engine(problem.config, parameters, np.zeros_like(parameters), backend, 1)
        self._initial = problem.state
        self._state = problem.state.copy()
        self._length = 1 if calls else SAMPLE_LENGTH
        self._symbol = 0
        self._drawn = 0

    def greedy(self, length: int) -> np.ndarray:
        state, symbols = self._initial.copy(), [0]
        while len(symbols) <= length:
            symbols += self._engine.sample(state, symbols[-1], min(self._length, length), temperature=0.0).tolist()
        return np.array(symbols[1:])

    def draw(self) -> None:
        for _ in range(SAMPLE_LENGTH // self._length):
            drawn = self._engine.sample(self._state, self._symbol, self._length, offset=self._drawn)
            self._symbol = int(drawn[-1])
            self._drawn += self._length


def _engine(config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, backend: str, threads: int) -> Engine:
    return engine_module(backend).Engine(config, parameters, gradient, threads=threads)
