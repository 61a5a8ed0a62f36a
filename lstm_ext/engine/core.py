"""The C core's binding: the same interface as ``twin``, see ``engine``.

Importing this raises ImportError where the core was not built. Every call releases the GIL.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from ..errors import ArgumentError, MissingError, NonFiniteError, StateError
from ._core import ffi, lib
from .activations import Activations
from .config import FORCEABLE, LayerConfig, ModelConfig, OptimizerConfig
from .interface import TrainResult
from .stop import StopFlag

_KERNEL_VARIABLE = "LSTM_LAB_KERNEL"
_CELLS = {"rnn": lib.LC_RNN, "gru": lib.LC_GRU, "lstm": lib.LC_LSTM}
_DTYPES = {np.dtype(np.float32): lib.LC_FLOAT32, np.dtype(np.float64): lib.LC_FLOAT64}
_FORCE_BITS = dict(zip(FORCEABLE, (lib.LC_FORCE_INPUT, lib.LC_FORCE_FORGET, lib.LC_FORCE_OUTPUT), strict=True))
_OPTIMIZERS = {"sgd": lib.LC_SGD, "rmsprop": lib.LC_RMSPROP, "adagrad": lib.LC_ADAGRAD, "adam": lib.LC_ADAM}
_FUNCTIONS = {"sigmoid": 0, "tanh": 1, "exp": 2}


def kernels() -> tuple[str, ...]:
    """Names of the kernels that run on this machine, the slowest first."""
    names = [ffi.string(lib.lc_kernel_name(i)).decode() for i in range(lib.lc_kernel_count())]
    return tuple(name for i, name in enumerate(names) if lib.lc_kernel_supported(i))


def kernel() -> str:
    """The kernel in use: the fastest, or the one named by the environment variable LSTM_LAB_KERNEL."""
    return str(ffi.string(lib.lc_kernel_name(lib.lc_kernel_current())).decode())


def compiler() -> str:
    """What the core was compiled with."""
    return str(ffi.string(lib.lc_compiler()).decode())


def elementwise(function: str, x: np.ndarray) -> np.ndarray:
    """σ, tanh or exp ("sigmoid", "tanh", "exp") of a float array by the kernel's own vector code."""
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    _check(lib.lc_elementwise(_DTYPES[x.dtype], _FUNCTIONS[function], x.size, _pointer(x), _pointer(y)))
    return y


def fma_operations(dtype: str, rounds: int) -> float:
    """Runs ``rounds`` of nothing but multiply-adds and returns how many operations that was."""
    return float(lib.lc_fma_peak(_DTYPES[np.dtype(dtype)], rounds))


def layer_forward(
    config: LayerConfig,
    Wt: np.ndarray,
    b: np.ndarray,
    peephole: np.ndarray | None,
    x: np.ndarray,
    lengths: np.ndarray | None,
    h0: np.ndarray,
    c0: np.ndarray | None,
    recurrent_mask: np.ndarray | None = None,
) -> Activations:
    (steps, batch), hidden, dtype = x.shape[:2], config.hidden_size, Wt.dtype
    first = steps if config.reverse else 0
    h = np.empty((steps + 1, batch, hidden), dtype)
    h[first] = h0
    c = None
    if c0 is not None:
        c = np.empty_like(h)
        c[first] = c0
    gates = np.empty((steps, batch, config.blocks, hidden), dtype)
    extra = None if config.cell == "rnn" else np.empty((steps, batch, hidden), dtype)
    acts = Activations(config, x, lengths, h, c, gates, extra, recurrent_mask)
    layer = _layer(config, dtype)
    _check(lib.lc_layer_forward(layer, _pass(Wt, b, peephole, acts)))
    return acts


def layer_backward(
    config: LayerConfig,
    Wt: np.ndarray,
    b: np.ndarray,
    peephole: np.ndarray | None,
    acts: Activations,
    dh: np.ndarray,
    dh_T: np.ndarray | None,
    dc_T: np.ndarray | None,
) -> dict[str, np.ndarray | None]:
    assert acts.x is not None
    grads: dict[str, np.ndarray | None] = {
        "dx": np.empty_like(acts.x) if acts.x.ndim == 3 else None,
        "dh0": np.empty_like(acts.h[0]),
        "dWt": np.empty_like(Wt),
        "db": np.empty_like(b),
    }
    if config.cell == "lstm":
        grads["dc0"] = np.empty_like(acts.h[0])
    if peephole is not None:
        grads["dpeephole"] = np.empty_like(peephole)
    given = {"dh": dh, "dh_T": dh_T, "dc_T": dc_T}
    pointers = {name: _pointer(array) for name, array in (given | grads).items()}
    c_pass = _pass(Wt, b, peephole, acts)
    _check(lib.lc_layer_backward(_layer(config, Wt.dtype), c_pass, ffi.new("lc_grads *", pointers)))
    return grads


def optimizer_step(
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
    pointers = (_pointer(parameters), _pointer(gradient), _pointer(moments))
    code = lib.lc_optimizer_step(_DTYPES[dtype], count, *pointers, _optimizer(optimizer), step, lr, norm)
    if code == lib.LC_NOT_FINITE:
        raise NonFiniteError(step, math.nan, norm[0])
    _check(code)
    return float(norm[0])


class Engine:
    """See ``engine.Engine``. ``threads`` share the lanes of a batch; the same number gives the same bits."""

    def __init__(self, config: ModelConfig, parameters: np.ndarray, gradient: np.ndarray, *, threads: int = 1) -> None:
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
        model = ffi.new("lc_model *")
        model.layer = _layer(config.layers()[0], self._dtype)[0]
        model.num_layers = config.num_layers
        model.output_size = config.output_size
        model.dropout = config.dropout
        handle = ffi.new("lc_engine **")
        _check(lib.lc_engine_new(model, _pointer(parameters), _pointer(gradient), threads, handle))
        self._engine = ffi.gc(handle[0], lib.lc_engine_free)

    @property
    def memory_bytes(self) -> int:
        """Working memory held, beside parameters, gradient and moments."""
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
        # Copies, kept: backward reads them again, in C, and must not meet what the caller has made of his since.
        inputs, targets = self._read_again = inputs.copy(), None if targets is None else targets.copy()
        loss = ffi.new("double *")
        code = lib.lc_engine_forward(
            self._engine,
            *inputs.shape,
            _symbol_pointer(inputs),
            _symbol_pointer(targets),
            _pointer(state),
            dropout_key is not None,
            (dropout_key or 0) % 2**64,
            keep,
            loss,
        )
        self._check(code, inputs, targets)
        self._batch = inputs.shape
        self._loss = math.nan if targets is None else loss[0]
        return self._loss

    def logits(self) -> np.ndarray:
        logits = np.empty((*self._batch, self.config.output_size), self._dtype)
        _check(lib.lc_engine_logits(self._engine, _pointer(logits)))
        return logits

    def activations(self, layer: int) -> Activations:
        config = self.config.layers()[layer]
        (steps, batch), hidden = self._batch, config.hidden_size
        h = np.empty((steps + 1, batch, hidden), self._dtype)
        c = np.empty_like(h) if config.cell == "lstm" else None
        gates = np.empty((steps, batch, config.blocks, hidden), self._dtype)
        extra = None if config.cell == "rnn" else np.empty((steps, batch, hidden), self._dtype)
        index = range(self.config.num_layers)[layer]
        code = lib.lc_engine_activations(
            self._engine, index, _pointer(h), _pointer(c), _pointer(gates), _pointer(extra)
        )
        _check(code)
        return Activations(config, None, None, h, c, gates, extra)

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
        norm = ffi.new("double *")
        code = lib.lc_engine_update(self._engine, _optimizer(optimizer), self._moments(moments), step, lr, norm)
        if code == lib.LC_NOT_FINITE:
            raise NonFiniteError(step, self._loss, norm[0])
        _check(code)
        return float(norm[0])

    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        optimizer: OptimizerConfig,
        moments: np.ndarray,
        first_step: int,
        lrs: np.ndarray,
        dropout_seed: int,
        stop: StopFlag | None = None,
    ) -> TrainResult:
        inputs, counted = self._symbols(inputs, targets, state)
        steps = len(inputs)
        lrs = np.ascontiguousarray(lrs, np.float64)
        if lrs.shape != (steps,):
            raise ArgumentError(f"lrs: got shape {lrs.shape}, expected ({steps},)")
        losses, norms = np.empty(steps), np.empty(steps)
        done = ffi.new("int *")
        code = lib.lc_engine_train(
            self._engine,
            *inputs.shape,
            _symbol_pointer(inputs),
            _symbol_pointer(counted),
            _pointer(state),
            _optimizer(optimizer),
            self._moments(moments),
            first_step,
            ffi.from_buffer("double[]", lrs),
            dropout_seed % 2**64,
            ffi.NULL if stop is None else _symbol_pointer(stop.array),
            ffi.from_buffer("double[]", losses),
            ffi.from_buffer("double[]", norms),
            done,
        )
        n = done[0]
        self._batch = (0, 0)  # training keeps no activations to look at
        if code == lib.LC_NOT_FINITE:
            raise NonFiniteError(first_step + n, losses[n], norms[n])
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
        code = lib.lc_engine_sample(
            self._engine,
            _pointer(state),
            symbol,
            length,
            temperature,
            top_k,
            top_p,
            seed % 2**64,
            offset,
            _symbol_pointer(drawn),
        )
        self._check(code, inputs, None)
        return drawn

    def _symbols(
        self, inputs: np.ndarray, targets: np.ndarray | None, state: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What C reads without looking: contiguous int32, targets of the same shape, a state that fits."""
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
        """Says which symbols C refused."""
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


def _pointer(array: np.ndarray | None) -> Any:
    return ffi.NULL if array is None else ffi.from_buffer(array)


def _symbol_pointer(array: np.ndarray | None) -> Any:
    return ffi.NULL if array is None else ffi.from_buffer("int32_t[]", array)


def _layer(config: LayerConfig, dtype: np.dtype) -> Any:
    layer = ffi.new("lc_layer *")
    layer.dtype = _DTYPES[dtype]
    layer.cell = _CELLS[config.cell]
    for name in ("input_size", "hidden_size", "reset_after", "peephole", "coupled", "reverse"):
        setattr(layer, name, getattr(config, name))
    for index, name in enumerate(FORCEABLE):
        if name in config.force:
            layer.force |= _FORCE_BITS[name]
            layer.force_value[index] = config.force[name]
    return layer


def _pass(Wt: np.ndarray, b: np.ndarray, peephole: np.ndarray | None, acts: Activations) -> Any:
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
    for name, array in (("Wt", Wt), ("b", b), ("peephole", peephole)):
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


if os.environ.get(_KERNEL_VARIABLE) not in (None, "", *kernels()):
    raise ArgumentError(
        f"{_KERNEL_VARIABLE}: got {os.environ[_KERNEL_VARIABLE]!r}, expected one of {', '.join(kernels())}"
    )
