"""What every part of a network is: weights, their gradients, and parts of its own."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..engine.backend import engine_module
from ..engine.config import DTYPES
from ..engine.interface import EngineModule
from ..errors import ArgumentError
from .noise import Noise

_M = TypeVar("_M", bound="Module")


class Module:
    """A part of a network, or a whole one: a Python class with ``forward`` and ``backward``.

    ``forward(x, …)`` computes, and keeps what ``backward(dout)`` needs: that takes ∂L/∂output, fills
    the gradients of the module's weights (in place of older ones) and returns ∂L/∂x. A module
    remembers one forward pass, so a network that needs a computation twice has two modules for it.

    Parts are attributes that are modules, or lists of modules; calling them in order, and backwards,
    is up to the subclass. A module with weights of its own names them in ``parameter_shapes``
    and fills them in ``initialise``; as ``self.W`` and ``self.dW`` it then finds views of two flat
    arrays that hold the weights and gradients of the whole network, ``parameters`` and ``gradient``.
    These come into being with ``build``, called once, on the whole network.
    """

    #: Whether dropout drops: see ``train``.
    training = False
    #: (P,) all weights, and their gradient as of the last ``backward``.
    parameters: np.ndarray
    gradient: np.ndarray
    dtype: np.dtype
    engine: EngineModule
    noise: Noise

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The module's own weights, without those of its parts: name → shape."""
        return {}

    def initialise(self, rng: np.random.Generator) -> None:
        """Gives the module's own weights their first values."""

    def build(
        self: _M,
        *,
        seed: int = 0,
        dtype: str = "float32",
        backend: str | None = None,
        kernel: str | None = None,
        threads: int = 1,
    ) -> _M:
        """Makes the weights, and their first values from ``seed``; returns the module itself.

        ``dtype``: "float32" or "float64"; ``backend``: "c", "numpy" or None for the default, see
        ``lstm_ext.engine.backend``; ``kernel`` is that of the C core, and ``threads`` of it share the work of
        recurrent layers. Either backend starts from the same weights.
        """
        if dtype not in DTYPES:
            raise ArgumentError(f"dtype: got {dtype!r}, expected one of {', '.join(DTYPES)}")
        modules = dict(self.modules())
        if len({id(module) for module in modules.values()}) < len(modules):
            raise ArgumentError(
                f"build: {type(self).__name__} holds the same part twice, expected a part for each place"
            )
        size = sum(math.prod(shape) for module in modules.values() for shape in module.parameter_shapes().values())
        self._place(np.zeros(size, dtype), np.zeros(size, dtype), 0)
        noise, engine, rng = Noise(seed), engine_module(backend, kernel, threads), np.random.default_rng(seed)
        for module in modules.values():
            module.dtype, module.noise = np.dtype(dtype), noise
            module.initialise(rng)
        self.use(engine)
        return self

    def _place(self, parameters: np.ndarray, gradient: np.ndarray, start: int) -> int:
        """Takes its place in flat arrays from index ``start``, itself before its parts; returns the end."""
        end = start
        for name, shape in self.parameter_shapes().items():
            begin, end = end, end + math.prod(shape)
            setattr(self, name, parameters[begin:end].reshape(shape))
            setattr(self, "d" + name, gradient[begin:end].reshape(shape))
        for _, part in self.parts():
            end = part._place(parameters, gradient, end)
        self.parameters, self.gradient = parameters[start:end], gradient[start:end]
        return end

    def use(self, engine: EngineModule) -> None:
        """Has another engine do the work from now on."""
        for _, module in self.modules():
            module.engine = engine

    def parts(self) -> Iterator[tuple[str, Module]]:
        """Name and module of each part, in the order in which they became attributes."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                yield from ((f"{name}.{n}", part) for n, part in enumerate(value) if isinstance(part, Module))

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """The module itself and all below it, each with the prefix of its weights' names: "", "rnn.", …"""
        yield prefix, self
        for name, part in self.parts():
            yield from part.modules(f"{prefix}{name}.")

    def weights(self) -> dict[str, np.ndarray]:
        """Views by name, writable in place: "embedding.W", "rnn.layers.0.W" (G·H, H+D), "rnn.layers.0.b", …"""
        return self._named("")

    def gradients(self) -> dict[str, np.ndarray]:
        """Views of ``gradient``, with the names and shapes of ``weights()``."""
        return self._named("d")

    def _named(self, kind: str) -> dict[str, np.ndarray]:
        views = {}
        for prefix, module in self.modules():
            for name in module.parameter_shapes():
                view = getattr(module, kind + name)
                # A layer's W lies transposed in memory, see ``config``.
                views[prefix + ("W" if name == "Wt" else name)] = view.T if name == "Wt" else view
        return views

    @property
    def num_parameters(self) -> int:
        return sum(math.prod(s) for _, module in self.modules() for s in module.parameter_shapes().values())

    def train(self, training: bool = True) -> None:
        """From now on dropout drops, with fresh masks for each forward pass."""
        for _, module in self.modules():
            module.training = training

    def eval(self) -> None:
        """From now on dropout passes everything on as it is: how a network is when it is built."""
        self.train(False)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """``with model.evaluating():`` is ``eval()`` for a while."""
        before = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.num_parameters:,} parameters>"

    def __deepcopy__(self: _M, memo: dict[int, Any]) -> _M:
        """A network of its own with the same weights."""
        memo[id(self)] = twin = type(self).__new__(type(self))
        for name, value in vars(self).items():
            vars(twin)[name] = value if name == "engine" else copy.deepcopy(value, memo)
        if "parameters" in vars(self):
            twin._place(self.parameters.copy(), self.gradient.copy(), 0)
        return twin

    if not TYPE_CHECKING:  # a type checker shall go on finding misspelt names

        def __getattr__(self, name: str) -> Any:
            """Only for what is not there."""
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if any(name in getattr(cls, "__annotations__", ()) for cls in type(self).__mro__):
                message += ": a network has its weights from build() on, and its activations from forward() on"
            raise AttributeError(message)
