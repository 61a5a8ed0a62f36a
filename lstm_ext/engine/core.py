"""The C core's binding: ``Core`` implements ``interface.EngineModule`` for one kernel.

Importing this raises ImportError where the core was not built. Every call releases the GIL.
"""

from __future__ import annotations

import functools
import math
import os
from typing import Any

import numpy as np

from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from ..errors import ArgumentError, MissingError, NonFiniteError, StateError
from ._core import ffi, lib
from .config import ModelConfig, OptimizerConfig
from .interface import LayerGradients, Training, TrainResult
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
        layer = self._layer(config, weights.Wt.dtype)
        _check_pass(config, weights, x, lengths, recurrent_mask)
        _check_array("state", state, weights.Wt.dtype, (config.state_arrays, x.shape[1], config.hidden_size))
        acts = Activations.empty(config, (x.shape[0], x.shape[1]), weights.Wt.dtype, reuse)
        acts.x, acts.lengths, acts.recurrent_mask = x, lengths, recurrent_mask
        acts.begin(state)
        _check(lib.lc_layer_forward(layer, _pass(weights, acts), self._pool))
        return acts

    def layer_backward(
        self, weights: Weights, acts: Activations, dh: np.ndarray, dfinal: np.ndarray | None = None
    ) -> LayerGradients:
        assert acts.x is not None
        dtype, output = weights.Wt.dtype, acts.output.shape
        _check_array("dh", dh, dtype, output)
        if dfinal is not None:
            _check_array("dfinal", dfinal, dtype, (acts.config.state_arrays, *output[1:]))
        grads = LayerGradients(
            dx=np.empty_like(acts.x) if acts.x.ndim == 3 else None,
            dstate=np.empty((acts.config.state_arrays, *dh.shape[1:]), dh.dtype),
            dWt=np.empty_like(weights.Wt),
            db=np.empty_like(weights.b),
            dpeephole=None if weights.peephole is None else np.empty_like(weights.peephole),
        )
        arrays = {"dh": dh, "dx": grads.dx, "dWt": grads.dWt, "db": grads.db, "dpeephole": grads.dpeephole}
        arrays |= zip(("dh0", "dc0"), grads.dstate, strict=False)
        if dfinal is not None:
            arrays |= zip(("dh_T", "dc_T"), dfinal, strict=False)
        pointers = {name: _pointer(array) for name, array in arrays.items()}
        layer = self._layer(acts.config, weights.Wt.dtype)
        _check(lib.lc_layer_backward(layer, _pass(weights, acts), ffi.new("lc_grads *", pointers), self._pool))
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
        for name, array, size in (
            ("parameters", parameters, count),
            ("gradient", gradient, count),
            ("moments", moments, 2 * count),
        ):
            if array.size != size or array.dtype != dtype or not array.flags.c_contiguous:
                raise ArgumentError(
                    f"{name}: got {array.dtype} {array.shape}, expected {size} contiguous numbers of {dtype}"
                )
        norm = ffi.new("double *")
        arrays = (_pointer(parameters), _pointer(gradient))
        flat = ffi.new("lc_flat *", (self._kernel, _DTYPES[dtype], count, *arrays))
        settings = _optimizer(optimizer)
        update = ffi.new("lc_update *", (settings, _pointer(moments), step, lr))
        code = lib.lc_optimizer_step(flat, update, norm)
        if code == lib.LC_NOT_FINITE:
            raise NonFiniteError(step, math.nan, norm[0])
        _check(code)
        return float(norm[0])

    def multiply(self, a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype or 0 in a.shape + b.shape:
            got = f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
            raise ArgumentError(f"multiply: got {got}, expected (M, K) and (K, N) of one dtype")
        shape = (len(a), b.shape[1])
        if out is None:
            out = np.empty(shape, a.dtype)
        elif out.shape != shape or out.dtype != a.dtype or not out.flags.c_contiguous:
            raise ArgumentError(f"out: got {out.dtype} {out.shape}, expected contiguous {a.dtype} {shape}")
        (a, a_transposed), (b, b_transposed) = _as_it_lies(a), _as_it_lies(b)
        product = ffi.new("lc_product *", {"kernel": self._kernel, "dtype": _DTYPES[out.dtype]})
        (product.M, product.N), product.K = shape, b.shape[b_transposed]
        product.A, product.B, product.C = _pointer(a), _pointer(b), _pointer(out)
        product.A_transposed, product.B_transposed = a_transposed, b_transposed
        _check(lib.lc_multiply(product))
        return out

    def elementwise(self, function: str, x: np.ndarray) -> np.ndarray:
        """σ, tanh or exp ("sigmoid", "tanh", "exp") of an array of any shape, by the kernel's own vector code."""
        x = np.ascontiguousarray(x)
        y = np.empty_like(x)
        arguments = (_DTYPES[x.dtype], _FUNCTIONS[function], x.size, _pointer(x), _pointer(y))
        _check(lib.lc_elementwise(self._kernel, *arguments))
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
        layer.dtype = _DTYPES[dtype]
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
        for name, array in (("parameters", parameters), ("gradient", gradient)):
            if array.shape != (config.num_parameters,) or array.dtype != config.dtype or not array.flags.c_contiguous:
                raise ArgumentError(
                    f"{name}: got {array.dtype} {array.shape}, expected {config.dtype} ({config.num_parameters},)"
                )
        self.config = config
        self.parameters = parameters
        self.gradient = gradient
        self._dtype = np.dtype(config.dtype)
        self._loss = math.nan
        self._batch = (0, 0)  # (T, B) of the last forward
        model = ffi.new("lc_model *", (first_layer[0], config.num_layers, config.output_size, config.dropout))
        handle = ffi.new("lc_engine **")
        _check(lib.lc_engine_new(model, _pointer(parameters), _pointer(gradient), threads, handle))
        self._engine = ffi.gc(handle[0], lib.lc_engine_free)

    @property
    def memory_bytes(self) -> int:
        """Working memory, without parameters, gradient and moments."""
        return int(lib.lc_engine_bytes(self._engine))

    def forward(
        self,
        inputs: np.ndarray,
        targets: np.ndarray | None,
        state: np.ndarray,
        *,
        dropout_key: int | None = None,
        keep: bool = True,
    ) -> float:
        inputs, targets = self._symbols(inputs, targets, state)
        # Copies, because backward reads them again, and the caller may have changed his own since.
        inputs, targets = read_again = inputs.copy(), None if targets is None else targets.copy()
        batch = ffi.new("lc_batch *", {"keep": keep, "use_dropout": dropout_key is not None})
        batch.T, batch.B = inputs.shape
        batch.inputs, batch.targets, batch.state = _symbol_pointer(inputs), _symbol_pointer(targets), _pointer(state)
        batch.dropout_key = (dropout_key or 0) % 2**64
        loss = ffi.new("double *")
        code = lib.lc_engine_forward(self._engine, batch, loss)
        self._check(code, inputs, targets)
        self._read_again = read_again  # not before: C, where it refused, still has the last forward's
        self._batch = inputs.shape
        self._loss = math.nan if targets is None else loss[0]
        return self._loss

    def logits(self) -> np.ndarray:
        logits = np.empty((*self._batch, self.config.output_size), self._dtype)
        _check(lib.lc_engine_logits(self._engine, _pointer(logits)))
        return logits

    def activations(self, layer: int) -> Activations:
        config = self.config.layer(layer)
        acts = Activations.empty(config, self._batch, self._dtype)
        index = range(self.config.num_layers)[layer]
        arrays = (acts.h, acts.c, acts.gates, acts.extra)
        _check(lib.lc_engine_activations(self._engine, index, ffi.new("lc_activations *", [*map(_pointer, arrays)])))
        return acts

    def backward(self, dstate: np.ndarray | None = None, *, dlogits: np.ndarray | None = None) -> np.ndarray:
        shape = self.config.state_shape(self._batch[1])
        dstate0 = np.zeros(shape, self._dtype)
        if dstate is not None:
            dstate0[...] = dstate
        if dlogits is not None:
            expected = (*self._batch, self.config.output_size)
            if dlogits.shape != expected:
                raise ArgumentError(f"dlogits: got shape {dlogits.shape}, expected {expected}")
            dlogits = np.ascontiguousarray(dlogits, self._dtype)
        _check(lib.lc_engine_backward(self._engine, _pointer(dstate0), dstate is not None, _pointer(dlogits)))
        return dstate0

    def update(self, optimizer: OptimizerConfig, moments: np.ndarray, step: int, lr: float) -> float:
        norm, settings = ffi.new("double *"), _optimizer(optimizer)
        update = ffi.new("lc_update *", (settings, self._moments(moments), step, lr))
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
        inputs, counted = self._symbols(inputs, targets, state)
        steps = len(inputs)
        lrs = np.ascontiguousarray(training.lrs, np.float64)
        if lrs.shape != (steps,):
            raise ArgumentError(f"lrs: got shape {lrs.shape}, expected ({steps},)")
        losses, norms = np.empty(steps), np.empty(steps)
        done = ffi.new("int *")
        settings = _optimizer(training.optimizer)
        run = ffi.new("lc_training *", {"optimizer": settings, "first_step": training.first_step})
        run.N, run.T, run.B = inputs.shape
        run.inputs, run.targets = _symbol_pointer(inputs), _symbol_pointer(counted)
        run.state, run.moments = _pointer(state), self._moments(training.moments)
        run.dropout_seed = training.dropout_seed % 2**64
        run.stop = ffi.NULL if stop is None else _symbol_pointer(stop.array)
        for name, array in (("lrs", lrs), ("losses", losses), ("norms", norms)):
            setattr(run, name, ffi.from_buffer("double[]", array))
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
        inputs, _ = self._symbols(np.array([[symbol]], np.int32), None, state)
        drawn = np.empty(length, np.int32)
        settings = {"symbol": symbol, "length": length, "offset": offset, "seed": seed % 2**64}
        sampling = ffi.new("lc_sampling *", settings | {"temperature": temperature, "top_k": top_k, "top_p": top_p})
        sampling.state, sampling.out = _pointer(state), _symbol_pointer(drawn)
        code = lib.lc_engine_sample(self._engine, sampling)
        self._check(code, inputs, None)
        return drawn

    def _symbols(
        self, inputs: np.ndarray, targets: np.ndarray | None, state: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What C reads unchecked: contiguous int32, targets of the same shape, a state that fits."""
        inputs = np.ascontiguousarray(inputs, np.int32)
        if targets is not None:
            targets = np.ascontiguousarray(targets, np.int32)
            if targets.shape != inputs.shape:
                raise ArgumentError(f"targets: got shape {targets.shape}, expected {inputs.shape}")
        expected = self.config.state_shape(inputs.shape[-1])
        if state.shape != expected or state.dtype != self._dtype or not state.flags.c_contiguous:
            raise ArgumentError(f"state: got {state.dtype} {state.shape}, expected contiguous {self._dtype} {expected}")
        return inputs, targets

    def _moments(self, moments: np.ndarray) -> Any:
        expected = (2, self.config.num_parameters)
        if moments.shape != expected or moments.dtype != self._dtype or not moments.flags.c_contiguous:
            raise ArgumentError(f"moments: got {moments.dtype} {moments.shape}, expected {self._dtype} {expected}")
        return _pointer(moments)

    def _check(self, code: int, inputs: np.ndarray, targets: np.ndarray | None) -> None:
        """Raises the error of ``code``; says which symbols C refused."""
        if code == lib.LC_BAD_ARGUMENT:
            for name, symbols, low, high in (
                ("inputs", inputs, 0, self.config.input_size),
                ("targets", targets, -1, self.config.output_size),
            ):
                if symbols is not None and (symbols.min() < low or symbols.max() >= high):
                    raise ArgumentError(
                        f"{name}: got symbols from {symbols.min()} to {symbols.max()}, expected [{low}, {high})"
                    )
        _check(code)


def _check_array(name: str, array: np.ndarray, dtype: np.typing.DTypeLike, shape: tuple[int, ...]) -> None:
    """What C would misread is refused: it looks at neither dtype nor shape nor strides."""
    if array.dtype != dtype or array.shape != shape or not (array.flags.c_contiguous and array.flags.aligned):
        raise ArgumentError(f"{name}: got {array.dtype} {array.shape}, expected contiguous {np.dtype(dtype)} {shape}")


def _check_pass(
    config: LayerConfig,
    weights: Weights,
    x: np.ndarray,
    lengths: np.ndarray | None,
    recurrent_mask: np.ndarray | None,
) -> None:
    dtype = weights.Wt.dtype
    for name, shape in config.parameter_shapes().items():
        _check_array(name, getattr(weights, name), dtype, shape)
    if x.ndim == 2:
        _check_array("x", x, np.int32, x.shape)
    else:
        _check_array("x", x, dtype, (*x.shape[:2], config.input_size))
    if lengths is not None:
        _check_array("lengths", lengths, np.int32, x.shape[1:2])
    if recurrent_mask is not None:
        _check_array("recurrent_mask", recurrent_mask, dtype, (x.shape[1], config.hidden_size))


def _pointer(array: np.ndarray | None) -> Any:
    return ffi.NULL if array is None else ffi.from_buffer(array)


def _symbol_pointer(array: np.ndarray | None) -> Any:
    return ffi.NULL if array is None else ffi.from_buffer("int32_t[]", array)


@functools.cache
def _kernel_numbers() -> dict[str, int]:
    """The kernels that run here, with their numbers in C."""
    names = {ffi.string(lib.lc_kernel_name(i)).decode(): i for i in range(lib.lc_kernel_count())}
    return {name: number for name, number in names.items() if lib.lc_kernel_supported(number)}


def _as_it_lies(matrix: np.ndarray) -> tuple[np.ndarray, bool]:
    """The matrix as a contiguous array, and whether that is its transpose."""
    if not matrix.flags.c_contiguous and matrix.T.flags.c_contiguous:
        return matrix.T, True
    return np.ascontiguousarray(matrix), False


def _pass(weights: Weights, acts: Activations) -> Any:
    """An lc_pass over ``acts``, whose arrays must outlive it."""
    assert acts.x is not None
    steps, batch = acts.x.shape[:2]
    symbols = acts.x.ndim == 2
    c_pass = ffi.new("lc_pass *")
    c_pass.T, c_pass.B = steps, batch
    c_pass.x = ffi.NULL if symbols else _pointer(acts.x)
    c_pass.symbols = _symbol_pointer(acts.x if symbols else None)
    c_pass.lengths = _symbol_pointer(acts.lengths)
    c_pass.recurrent_mask = _pointer(acts.recurrent_mask)
    for name, array in weights._asdict().items():
        setattr(c_pass, name, _pointer(array))
    for name in ("h", "c", "gates", "extra"):
        setattr(c_pass, name, _pointer(getattr(acts, name)))
    return c_pass


def _optimizer(config: OptimizerConfig) -> Any:
    fields = ("momentum", "beta1", "beta2", "rho", "eps", "clip_norm", "clip_value")
    return ffi.new("lc_optimizer *", {"kind": _OPTIMIZERS[config.kind]} | {f: getattr(config, f) for f in fields})


def _check(code: int) -> None:
    if code == lib.LC_OK:
        return
    errors = {
        lib.LC_NO_MEMORY: MemoryError,
        lib.LC_BAD_ARGUMENT: ArgumentError,
        lib.LC_NO_FORWARD: StateError,
        lib.LC_NO_THREADS: MissingError,
    }
    raise errors.get(code, RuntimeError)(ffi.string(lib.lc_error_text(code)).decode())
