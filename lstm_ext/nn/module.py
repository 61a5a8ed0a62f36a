"""What every part of a network has: weights, their gradients, and its own parts."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..arguments import Seed, Size, Threads, check_choice, check_memory, checked, named_errors
from ..engine.backend import engine_module
from ..engine.config import DTYPES, DtypeName
from ..engine.interface import EngineModule
from ..errors import ArgumentError, StateError
from .noise import Noise

_M = TypeVar("_M", bound="Module")
_planning: ContextVar[bool] = ContextVar("planning", default=False)


@contextlib.contextmanager
def planning() -> Iterator[None]:
    """Meanwhile ``build`` makes no weights, so that a network's parts and shapes can be looked at first."""
    token = _planning.set(True)
    try:
        yield
    finally:
        _planning.reset(token)


def planned() -> bool:
    """Whether networks are only looked at, see ``planning``."""
    return _planning.get()


class _NotYet(StateError, AttributeError):
    """For what a network has only from ``build`` or ``forward`` on."""


class _Shared:
    """What all parts of a built network have in common."""

    def __init__(
        self, size: Size, dtype: DtypeName, seed: Seed, backend: str | None, kernel: str | None, threads: Threads
    ) -> None:
        self.engine_module = engine_module(backend, kernel, threads)
        self.threads = threads
        self.dtype = np.dtype(dtype)
        self.noise = Noise(seed)
        self.parameters, self.gradient = np.zeros(size, dtype), np.zeros(size, dtype)

    def __getstate__(self) -> dict[str, Any]:
        """An engine cannot be copied or pickled; its name can."""
        name = "numpy" if self.engine_module.kernel is None else "c"
        return {**vars(self), "engine_module": (name, self.engine_module.kernel, self.threads)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        try:
            self.engine_module = engine_module(*state["engine_module"])
        except (ArgumentError, RuntimeError):  # pickled on a machine with another processor or without C
            self.engine_module = engine_module(threads=self.threads)


@checked
class Module:
    """A part of a network, or a whole one: a Python class with ``forward`` and ``backward``.

    ``forward(x, …)`` computes, and keeps what ``backward(dout)`` needs: that takes ∂L/∂output, fills
    the gradients of the module's weights (in place of older ones) and returns ∂L/∂x. A module
    remembers one forward pass, so a network that needs a computation twice has two modules for it.

    Parts are attributes that are modules, or lists of modules; calling them in order, and backwards,
    is up to the subclass. A module with weights of its own names them in ``parameter_shapes``
    and fills them in ``initialize``; as ``self.W`` and ``self.dW`` it then finds views of two flat
    arrays that hold the weights and gradients of the whole network, ``parameters`` and ``gradient``.
    These come into being with ``build``, called once, on the whole network.

    Networks can be copied (``copy.deepcopy``), pickled, and written to files: see ``nn.save``.
    """

    #: Whether dropout drops: see ``train``.
    training = False
    #: (P,) all weights, and their gradient as of the last ``backward``.
    parameters: np.ndarray
    gradient: np.ndarray
    _shared: _Shared
    #: Where in the network's flat arrays the module's weights begin.
    _offset: int
    #: What the constructor was called with, for ``repr`` and ``nn.save``.
    _arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.__module__.startswith(__package__.partition(".")[0]):  # what users write has its own contract
            checked(cls)
        named_errors(cls)
        _remember_arguments(cls)

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self._shared.dtype

    @property
    def noise(self) -> Noise:
        """The source of dropout's masks, the same for all parts of a network."""
        return self._shared.noise

    @property
    def engine_module(self) -> EngineModule:
        """The engine of single layers, matrix products and the optimizer."""
        return self._shared.engine_module

    @property
    def backend(self) -> str:
        """ "c" or "numpy"."""
        return "numpy" if self.kernel is None else "c"

    @property
    def kernel(self) -> str | None:
        """The C core's kernel; None for the twin."""
        return self._shared.engine_module.kernel

    @property
    def threads(self) -> int:
        """The C core's threads."""
        return self._shared.threads

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The module's own weights, without those of its parts: name → shape."""
        return {}

    def initialize(self, rng: np.random.Generator) -> None:
        """Give the module's own weights their first values."""

    def build(
        self: _M,
        *,
        seed: Seed = 0,
        dtype: DtypeName = "float32",
        backend: str | None = None,
        kernel: str | None = None,
        threads: Threads = 1,
    ) -> _M:
        """Makes the weights, and their first values from ``seed``; returns the module itself.

        ``dtype``: "float32" or "float64"; ``backend``: "c", "numpy" or None for the default, see
        ``lstm_ext.engine.backend``; ``kernel`` is that of the C core, and ``threads`` of it share the work of
        recurrent layers. Either backend starts from the same weights.
        """
        if _planning.get():
            return self
        self._allocate(dtype, seed, backend, kernel, threads)
        rng = np.random.default_rng(seed)
        for _, module in self.modules():
            module.initialize(rng)
        return self

    def _allocate(self, dtype: DtypeName, seed: int, backend: str | None, kernel: str | None, threads: int) -> None:
        """Makes the weights, all 0."""
        check_choice("dtype", dtype, DTYPES)
        modules = dict(self.modules())
        name = type(self).__name__
        if any("_shared" in vars(module) for module in modules.values()):
            raise ArgumentError(f"build: {name} or a part of it is built already, expected a new one")
        if len({id(module) for module in modules.values()}) < len(modules):
            raise ArgumentError(f"build: {name} holds the same part twice, expected a part for each place")
        count = self.num_parameters
        check_memory("parameters", count, 2 * count, np.dtype(dtype).itemsize)
        shared = _Shared(count, dtype, seed, backend, kernel, threads)
        start = 0
        for module in modules.values():
            module._shared, module._offset = shared, start
            module._place()
            start += sum(math.prod(shape) for shape in module.parameter_shapes().values())
        self.use(shared.engine_module)

    def _place(self) -> None:
        """Finds its views of the network's flat arrays, in which its own weights come before those of its parts."""
        end = self._offset
        for name, shape in self.parameter_shapes().items():
            begin, end = end, end + math.prod(shape)
            setattr(self, name, self._shared.parameters[begin:end].reshape(shape))
            setattr(self, "d" + name, self._shared.gradient[begin:end].reshape(shape))
        everything = slice(self._offset, self._offset + self.num_parameters)
        self.parameters, self.gradient = self._shared.parameters[everything], self._shared.gradient[everything]

    def use(self, engine: EngineModule) -> None:
        """Let another engine do the work of the whole network."""
        self._shared.engine_module = engine

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

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of ``weights()``, also before ``build``."""
        return {
            prefix + _public(name): shape[::-1] if name == "Wt" else shape
            for prefix, module in self.modules()
            for name, shape in module.parameter_shapes().items()
        }

    def _named(self, kind: str) -> dict[str, np.ndarray]:
        views = {}
        for prefix, module in self.modules():
            for name in module.parameter_shapes():
                view = getattr(module, kind + name)
                views[prefix + _public(name)] = view.T if name == "Wt" else view
        return views

    @property
    def num_parameters(self) -> int:
        """How many numbers all weights have together."""
        return sum(math.prod(s) for _, module in self.modules() for s in module.parameter_shapes().values())

    def train(self, training: bool = True) -> None:
        """From now on dropout acts, with new masks for each forward pass."""
        for _, module in self.modules():
            module.training = training

    def eval(self) -> None:
        """From now on dropout does nothing, as when a network has been built."""
        self.train(False)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """``with model.evaluating():`` is ``eval()`` for that block."""
        before = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(before)

    def load(self, parameters: np.ndarray) -> None:
        """Take over the weights of a flat array (P,), in any dtype. Raises ArgumentError for another shape."""
        if parameters.shape != self.parameters.shape:
            raise ArgumentError(f"parameters: got shape {parameters.shape}, expected {self.parameters.shape}")
        self.parameters[...] = parameters

    def copy(self: _M) -> _M:
        """A new network with the same weights."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        args, keywords = self._arguments
        shown = [*map(repr, args), *(f"{name}={value!r}" for name, value in keywords.items())]
        return f"<{type(self).__name__}({', '.join(shown)}): {self.num_parameters:,} parameters>"

    def __getstate__(self) -> dict[str, Any]:
        """Without the views of weights and gradients, which are found again."""
        state = vars(self).copy()
        if "_shared" in state:
            own = self.parameter_shapes()
            for name in ("parameters", "gradient", *own, *("d" + name for name in own)):
                del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if "_shared" in state:
            self._place()

    if not TYPE_CHECKING:  # so that a type checker still finds misspelled names

        def __getattr__(self, name: str) -> Any:
            """Only for what is not there."""
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            if any(name in vars(cls) or name in getattr(cls, "__annotations__", ()) for cls in type(self).__mro__):
                message += ": a network has its weights from build() on, and its activations from forward() on"
            elif name.startswith("_") and not name.startswith("__") and not name.endswith("_"):
                message = f"{type(self).__name__}: there is nothing to go back through yet, call forward(…) first"
            else:
                raise AttributeError(message)
            raise _NotYet(message)


def _public(name: str) -> str:
    """A layer's W lies transposed in memory, see ``config``."""
    return "W" if name == "Wt" else name


def _remember_arguments(cls: type[Module]) -> None:
    """Has the constructor note what it was called with."""
    constructor = vars(cls).get("__init__")
    if constructor is None:
        return

    @functools.wraps(constructor)
    def __init__(self: Module, *args: Any, **keywords: Any) -> None:
        vars(self).setdefault("_arguments", (args, keywords))  # a base class's constructor comes later
        constructor(self, *args, **keywords)

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
