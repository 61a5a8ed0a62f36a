"""The C core's binding: ``Core`` implements ``interface.EngineModule`` for one kernel.

Importing this raises ImportError where the core was not built. Every call releases the GIL. Every array that C reads
or writes passes ``_address``: C looks at neither shape nor dtype nor strides.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from ..errors import ArgumentError, MissingError, NonFiniteError, StateError
from ._core import ffi, lib
from .config import ModelConfig, OptimizerConfig
from .interface import BUSY, LayerGradients, Training, TrainResult
from .stop import StopFlag

_KERNEL_VARIABLE = "LSTM_LAB_KERNEL"
_DTYPES = {np.dtype(np.float32): lib.LC_FLOAT32, np.dtype(np.float64): lib.LC_FLOAT64}
_OPTIONS = {"reset_after": lib.LC_RESET_AFTER, "peephole": lib.LC_PEEPHOLE, "coupled": lib.LC_COUPLED}
#: In the order of ``force_value``.
_FORCE_BITS = {"input": lib.LC_FORCE_INPUT, "forget": lib.LC_FORCE_FORGET, "output": lib.LC_FORCE_OUTPUT}
_OPTIMIZERS = {"sgd": lib.LC_SGD, "rmsprop": lib.LC_RMSPROP, "adagrad": lib.LC_ADAGRAD, "adam": lib.LC_ADAM}
_FUNCTIONS = {"sigmoid": 0, "tanh": 1, "exp": 2}


def kernels() -> tuple[str, ...]:
    """Names of the kernels that run on this machine, the slowest first."""
    return tuple(_kernel_numbers())


@functools.cache
def default_kernel() -> str:
    """The kernel by default: the fastest, or the one that the environment variable LSTM_LAB_KERNEL named when this
    process first asked. Raises ArgumentError if that one does not run here."""
    name = os.environ.get(_KERNEL_VARIABLE)
    if name and name not in kernels():
        raise ArgumentError(f"{_KERNEL_VARIABLE}: got {name!r}, expected one of {', '.join(kernels())}")
    return name or kernels()[-1]


def compiler() -> str:
    """What the core was compiled with."""
    return str(ffi.string(lib.lc_compiler()).decode())


class Core:
    """The C core with one kernel, by default ``default_kernel()``.

    ``threads`` share a layer's work where that pays: the sequences on their way through the steps, and the columns
    of the weights' gradients. Engines have their own threads. The same kernel and number of threads give the same
    bits. Raises ArgumentError for a kernel that is not one of ``kernels()``.
    """

    def __init__(self, kernel: str | None = None, threads: int = 1) -> None:
        kernel = default_kernel() if kernel is None else kernel
        if kernel not in kernels():
            raise ArgumentError(f"kernel: got {kernel!r}, expected one of {', '.join(kernels())}")
        self.kernel = kernel
        self._kernel = _kernel_numbers()[kernel]
        self._pool = ffi.NULL
        if threads != 1:
            handle = ffi.new("lc_pool **")
            _check(lib.lc_pool_new(threads, handle))
            self._pool = ffi.gc(handle[0], lib.lc_pool_free)

    def layer_forward(
        self,
        config: LayerConfig,
        weights: Weights,
        x: np.ndarray,
        state: np.ndarray,
        lengths: np.ndarray | None = None,
        recurrent_mask: np.ndarray | None = None,
        reuse: Activations | None = None,
    ) -> Activations:
        acts = Activations.empty(config, (x.shape[0], x.shape[1]), weights.Wt.dtype, reuse)
        # Symbols are copied, because C first looks at them and then uses them as places in its memory.
        acts.x, acts.lengths, acts.recurrent_mask = x.copy() if x.ndim == 2 else x, lengths, recurrent_mask
        layer, c_pass = self._layer(config, weights.Wt.dtype), _pass(weights, acts)
        _address("state", state, weights.Wt.dtype, (config.state_arrays, x.shape[1], config.hidden_size))
        acts.begin(state)
        _check(lib.lc_layer_forward(layer, c_pass, self._pool))
        return acts

    def layer_backward(
        self, weights: Weights, acts: Activations, dh: np.ndarray, dfinal: np.ndarray | None = None
    ) -> LayerGradients:
        config, dtype = acts.config, weights.Wt.dtype
        layer, c_pass = self._layer(config, dtype), _pass(weights, acts)
        assert acts.x is not None  # or there would be no pass
        T, B, H = *acts.x.shape[:2], config.hidden_size
        grads = LayerGradients(
            dx=np.empty_like(acts.x) if acts.x.ndim == 3 else None,
            dstate=np.empty((config.state_arrays, B, H), dtype),
            dWt=np.empty_like(weights.Wt),
            db=np.empty_like(weights.b),
            dpeephole=None if weights.peephole is None else np.empty_like(weights.peephole),
        )
        pointers = {"dh": _address("dh", dh, dtype, (T, B, H))}
        if dfinal is not None:
            _address("dfinal", dfinal, dtype, (config.state_arrays, B, H))
            pointers |= {name: _own(array) for name, array in zip(("dh_T", "dc_T"), dfinal, strict=False)}
        pointers |= {name: _own(array) for name, array in zip(("dh0", "dc0"), grads.dstate, strict=False)}
        pointers |= {name: _own(getattr(grads, name)) for name in ("dx", "dWt", "db", "dpeephole")}
        _check(lib.lc_layer_backward(layer, c_pass, ffi.new("lc_grads *", pointers), self._pool))
        return grads

    def optimizer_step(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        moments: np.ndarray,
        optimizer: OptimizerConfig,
        step: int,
        lr: float,
    ) -> float:
        count, dtype = parameters.size, parameters.dtype
        flat = ffi.new("lc_flat *", {"kernel": self._kernel, "dtype": _dtype_number(dtype), "count": count})
        flat.parameters = _address("parameters", parameters, dtype, (count,), written=True)
        flat.gradient = _address("gradient", gradient, dtype, (count,))
        norm, settings = ffi.new("double *"), _optimizer(optimizer)
        moved = _address("moments", moments, dtype, (2, count), written=True)
        code = lib.lc_optimizer_step(flat, ffi.new("lc_update *", (settings, moved, step, lr)), norm)
        if code == lib.LC_NOT_FINITE:
            raise NonFiniteError(step, math.nan, norm[0])
        _check(code)
        return float(norm[0])

    def multiply(self, a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype or 0 in a.shape + b.shape:
            got = f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
            raise ArgumentError(f"multiply: got {got}, expected (M, K) and (K, N) of one dtype")
        product = ffi.new("lc_product *", {"kernel": self._kernel, "dtype": _dtype_number(a.dtype)})
        (product.M, product.K), product.N = a.shape, b.shape[1]
        if out is None:
            out = np.empty((len(a), b.shape[1]), a.dtype)
        product.C = _address("out", out, a.dtype, (len(a), b.shape[1]), written=True)
        (a, product.A_transposed), (b, product.B_transposed) = _as_it_lies(a), _as_it_lies(b)
        product.A, product.B = _address("a", a, a.dtype, a.shape), _address("b", b, b.dtype, b.shape)
        _check(lib.lc_multiply(product))
        return out

    def elementwise(self, function: str, x: np.ndarray) -> np.ndarray:
        """σ, tanh or exp ("sigmoid", "tanh", "exp") of an array of any shape, by the kernel's own vector code."""
        x = np.require(x, requirements=["C", "A"])
        y = np.empty_like(x)
        settings = (self._kernel, _dtype_number(x.dtype), _FUNCTIONS[function], x.size)
        _check(lib.lc_elementwise(*settings, _address("x", x, x.dtype, x.shape), _own(y)))
        return y

    def fma_operations(self, dtype: str, rounds: int) -> float:
        """Do ``rounds`` of multiply-adds and nothing else; returns the number of operations."""
        return float(lib.lc_fma_peak(self._kernel, _DTYPES[np.dtype(dtype)], rounds))

    def Engine(
        self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1
    ) -> CoreEngine:
        first_layer = self._layer(config.layer(0), np.dtype(config.dtype))
        return CoreEngine(first_layer, config, parameters, gradient, threads=threads)

    def _layer(self, config: LayerConfig, dtype: np.dtype) -> Any:
        layer = ffi.new("lc_layer *")
        layer.kernel = self._kernel
        layer.dtype = _dtype_number(dtype)
        layer.cell = lib.lc_cell_index(config.cell.encode())
        if layer.cell < 0:
            raise ArgumentError(f"cell: got {config.cell!r}, which the C core does not have; backend 'numpy' has it")
        layer.input_size, layer.hidden_size, layer.reverse = config.input_size, config.hidden_size, config.reverse
        layer.options = sum(bit for name, bit in _OPTIONS.items() if getattr(config, name))
        for index, (name, bit) in enumerate(_FORCE_BITS.items()):
            if name in config.force:
                layer.options |= bit
                layer.force_value[index] = config.force[name]
        return layer


class CoreEngine:
    """``lstm_ext.engine.interface.Engine`` on the C core. ``threads`` share the lanes of a batch; the same number of
    threads gives the same bits. Wrong shapes, dtypes and symbols raise ArgumentError.
    """

    def __init__(
        self, first_layer: Any, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int
    ) -> None:
        flat = (config.num_parameters,)
        pointers = (
            _address("parameters", parameters, config.dtype, flat, written=True),
            _address("gradient", gradient, config.dtype, flat, written=True),
        )
        self.config = config
        self.parameters = parameters
        self.gradient = gradient
        self._dtype = np.dtype(config.dtype)
        self._loss = math.nan
        self._batch = (0, 0)  # (T, B) of the last forward
        model = ffi.new("lc_model *", (first_layer[0], config.num_layers, config.output_size, config.dropout))
        handle = ffi.new("lc_engine **")
        _check(lib.lc_engine_new(model, *pointers, threads, handle))
        self._engine = ffi.gc(handle[0], lib.lc_engine_free)

    @property
    def memory_bytes(self) -> int:
        """Working memory, without parameters, gradient and moments."""
        with self.held():
            return int(lib.lc_engine_bytes(self._engine))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        _check(lib.lc_engine_hold(self._engine))
        try:
            yield
        finally:
            lib.lc_engine_release(self._engine)

    def forward(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None,
        state: np.ndarray,
        *,
        dropout_key: int | None = None,
        keep: bool = True,
    ) -> float:
        inputs, targets = read_again = self._symbols(inputs, targets)  # by backward
        batch = ffi.new("lc_batch *", {"keep": keep, "use_dropout": dropout_key is not None})
        batch.T, batch.B = inputs.shape
        batch.inputs, batch.targets, batch.state = _own(inputs), _own(targets), self._state(state, batch.B)
        batch.dropout_key = (dropout_key or 0) % 2**64
        loss = ffi.new("double *")
        with self.held():
            code = lib.lc_engine_forward(self._engine, batch, loss)
            self._check(code, inputs, targets)
            self._read_again = read_again  # not before: C, where it refused, still has the last forward's
            self._batch = inputs.shape
            self._loss = math.nan if targets is None else loss[0]
            return self._loss

    def logits(self) -> np.ndarray:
        with self.held():
            logits = np.empty((*self._batch, self.config.output_size), self._dtype)
            _check(lib.lc_engine_logits(self._engine, _own(logits)))
            return logits

    def activations(self, layer: int) -> Activations:
        layers = range(self.config.num_layers)
        if not -len(layers) <= layer < len(layers):
            raise ArgumentError(f"layer: got {layer!r}, expected one of {len(layers)}, counted from 0")
        with self.held():
            acts = Activations.empty(self.config.layer(layer), self._batch, self._dtype)
            arrays = [_own(array) for array in (acts.h, acts.c, acts.gates, acts.extra)]
            _check(lib.lc_engine_activations(self._engine, layers[layer], ffi.new("lc_activations *", arrays)))
            return acts

    def backward(self, dstate: np.ndarray | None = None, *, dlogits: np.ndarray | None = None) -> np.ndarray:
        with self.held():
            shape, pointer = self.config.state_shape(self._batch[1]), ffi.NULL
            dstate0 = np.zeros(shape, self._dtype)
            if dstate is not None:
                if np.shape(dstate) != shape:
                    raise ArgumentError(f"dstate: got shape {np.shape(dstate)}, expected {shape}")
                dstate0[...] = dstate
            if dlogits is not None:
                dlogits = np.require(dlogits, self._dtype, ["C", "A"])
                pointer = _address("dlogits", dlogits, self._dtype, (*self._batch, self.config.output_size))
            _check(lib.lc_engine_backward(self._engine, _own(dstate0), dstate is not None, pointer))
            return dstate0

    def update(self, optimizer: OptimizerConfig, moments: np.ndarray, step: int, lr: float) -> float:
        norm, settings = ffi.new("double *"), _optimizer(optimizer)
        update = ffi.new("lc_update *", (settings, self._moments(moments), step, lr))
        with self.held():
            code = lib.lc_engine_update(self._engine, update, norm)
            if code == lib.LC_NOT_FINITE:
                raise NonFiniteError(step, self._loss, norm[0])
            _check(code)
            return float(norm[0])

    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        training: Training,
        stop: StopFlag | None = None,
    ) -> TrainResult:
        if targets is None:
            raise ArgumentError("targets: got None, expected symbols (N, T, B)")
        inputs, counted = self._symbols(inputs, targets, ndim=3)
        steps = len(inputs)
        lrs = np.require(training.lrs, np.float64, ["C", "A"])
        losses, norms = np.empty(steps), np.empty(steps)
        done = ffi.new("int *")
        settings = _optimizer(training.optimizer)
        run = ffi.new("lc_training *", {"optimizer": settings, "first_step": training.first_step})
        run.N, run.T, run.B = inputs.shape
        run.inputs, run.targets = _own(inputs), _own(counted)
        run.state, run.moments = self._state(state, run.B), self._moments(training.moments)
        run.dropout_seed = training.dropout_seed % 2**64
        run.stop = ffi.NULL if stop is None else _address("stop", stop.array, np.int32, (1,))
        run.lrs, run.losses, run.norms = _address("lrs", lrs, np.float64, (steps,)), _own(losses), _own(norms)
        code = lib.lc_engine_train(self._engine, run, done)
        n = done[0]
        if code == lib.LC_NOT_FINITE:
            raise NonFiniteError(training.first_step + n, losses[n], norms[n])
        self._check(code, inputs, counted)
        return TrainResult(n, losses[:n], norms[:n])

    def sample(
        self,
        state: np.ndarray,
        symbol: int,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        offset: int = 0,
    ) -> np.ndarray:
        drawn = np.empty(length, np.int32)
        settings = {"symbol": symbol, "length": length, "offset": offset, "seed": seed % 2**64}
        sampling = ffi.new("lc_sampling *", settings | {"temperature": temperature, "top_k": top_k, "top_p": top_p})
        sampling.state, sampling.out = self._state(state, 1), _own(drawn)
        code = lib.lc_engine_sample(self._engine, sampling)
        self._check(code, np.array([symbol]), None)
        return drawn

    def _symbols(
        self, inputs: np.ndarray, targets: np.ndarray | None, ndim: int = 2
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Copies, because C first looks at the symbols and then uses them as places in its memory."""
        if inputs.ndim != ndim:
            raise ArgumentError(f"inputs: got shape {inputs.shape}, expected {ndim} dimensions")
        return (
            _symbols("inputs", inputs, inputs.shape),
            None if targets is None else _symbols("targets", targets, inputs.shape),
        )

    def _state(self, state: np.ndarray, batch_size: int) -> Any:
        return _address("state", state, self._dtype, self.config.state_shape(batch_size), written=True)

    def _moments(self, moments: np.ndarray) -> Any:
        return _address("moments", moments, self._dtype, (2, self.parameters.size), written=True)

    def _check(self, code: int, inputs: np.ndarray, targets: np.ndarray | None) -> None:
        """Raises the error of ``code``; says which symbols C refused."""
        if code == lib.LC_BAD_ARGUMENT:
            for name, symbols, low, high in (
                ("inputs", inputs, 0, self.config.input_size),
                ("targets", targets, -1, self.config.output_size),
            ):
                if symbols is not None and symbols.size and (symbols.min() < low or symbols.max() >= high):
                    raise ArgumentError(
                        f"{name}: got symbols from {symbols.min()} to {symbols.max()}, expected [{low}, {high})"
                    )
        _check(code)


def _address(
    name: str, array: np.ndarray, dtype: np.typing.DTypeLike, shape: tuple[int, ...], *, written: bool = False
) -> Any:
    """The gate between NumPy and C: the address of an array that C can read, and write if it will be ``written``."""
    good = (
        isinstance(array, np.ndarray)
        and array.dtype == dtype
        and array.shape == shape
        and array.flags.c_contiguous
        and array.flags.aligned
        and (array.flags.writeable or not written)
    )
    if not good:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        how = "aligned, contiguous and writable" if written else "aligned and contiguous"
        raise ArgumentError(f"{name}: got {got}, expected {np.dtype(dtype)} {shape}, {how}")
    return _own(array)


def _own(array: np.ndarray | None) -> Any:
    """The address of an array that was made here, or checked; NULL for None."""
    return ffi.NULL if array is None else ffi.cast("void *", ffi.from_buffer(array))


def _symbols(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A copy as C takes it, int32."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.shape != shape:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ArgumentError(f"{name}: got {got}, expected integers {shape}")
    limits = np.iinfo(np.int32)
    if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
        raise ArgumentError(f"{name}: got {array.min()} to {array.max()}, expected 32-bit integers")
    return np.array(array, np.int32, order="C")


def _dtype_number(dtype: np.dtype) -> int:
    if dtype not in _DTYPES:
        raise ArgumentError(f"dtype: got {dtype}, expected float32 or float64")
    return int(_DTYPES[dtype])


@functools.cache
def _kernel_numbers() -> dict[str, int]:
    """The kernels that run here, with their numbers in C."""
    names = {ffi.string(lib.lc_kernel_name(i)).decode(): i for i in range(lib.lc_kernel_count())}
    return {name: number for name, number in names.items() if lib.lc_kernel_supported(number)}


def _as_it_lies(matrix: np.ndarray) -> tuple[np.ndarray, bool]:
    """The matrix as a contiguous array, and whether that is its transpose."""
    if not matrix.flags.c_contiguous and matrix.T.flags.c_contiguous:
        return np.require(matrix.T, requirements=["C", "A"]), True
    return np.require(matrix, requirements=["C", "A"]), False


def _pass(weights: Weights, acts: Activations) -> Any:
    """An lc_pass over ``acts``, whose arrays must outlive it."""
    config, x, dtype = acts.config, acts.x, weights.Wt.dtype
    if x is None or x.ndim not in (2, 3):
        raise ArgumentError(f"x: got {None if x is None else x.shape}, expected symbols (T, B) or numbers (T, B, D)")
    T, B, G, H = *x.shape[:2], config.blocks, config.hidden_size
    c_pass = ffi.new("lc_pass *", {"T": T, "B": B})
    for name, shape in config.parameter_shapes().items():
        setattr(c_pass, name, _address(name, getattr(weights, name), dtype, shape))
    if x.ndim == 2:
        c_pass.symbols = _address("x", x, np.int32, (T, B))
    else:
        c_pass.x = _address("x", x, dtype, (T, B, config.input_size))
    if acts.lengths is not None:
        c_pass.lengths = _address("lengths", acts.lengths, np.int32, (B,))
    if acts.recurrent_mask is not None:
        c_pass.recurrent_mask = _address("recurrent_mask", acts.recurrent_mask, dtype, (B, H))
    for name, shape in (("h", (T + 1, B, H)), ("c", (T + 1, B, H)), ("gates", (T, B, G, H)), ("extra", (T, B, H))):
        array = getattr(acts, name)
        if array is not None:
            setattr(c_pass, name, _address(name, array, dtype, shape, written=True))
    return c_pass


def _optimizer(config: OptimizerConfig) -> Any:
    fields = ("momentum", "beta1", "beta2", "rho", "eps", "clip_norm", "clip_value")
    return ffi.new("lc_optimizer *", {"kind": _OPTIMIZERS[config.kind]} | {f: getattr(config, f) for f in fields})


def _check(code: int) -> None:
    if code == lib.LC_OK:
        return
    if code == lib.LC_BUSY:
        raise StateError(BUSY)
    errors = {
        lib.LC_NO_MEMORY: MemoryError,
        lib.LC_BAD_ARGUMENT: ArgumentError,
        lib.LC_NO_FORWARD: StateError,
        lib.LC_NO_THREADS: MissingError,
    }
    raise errors.get(code, RuntimeError)(ffi.string(lib.lc_error_text(code)).decode())
