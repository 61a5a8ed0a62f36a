"""Weights in and out, in the layouts of PyTorch and Keras: for language models and for networks of ``nn``.

==============  ==============================================  =======================================
here            PyTorch: state dict, name → array               Keras: layer → its list of weights
==============  ==============================================  =======================================
rnn (LSTM, …)   rnn.weight_ih_l0 (G·H, D), .weight_hh_l0        rnn.0: kernel (D, G·H), recurrent_kernel
                (G·H, H), .bias_ih_l0, .bias_hh_l0 (G·H,),      (H, G·H), bias; per layer, and in both
                … also _l1, …, and in reverse _l0_reverse, …    directions first all three forward
output, …       output.weight (K, D), output.bias (K,)          output: kernel (D, K), bias (K,)
embedding       embedding.weight (V, E)                         embedding: embeddings (V, E)
layer norm      norm.weight, norm.bias (D,)                     norm: gamma, beta (D,)
attention       pooling.weight (1, D)                           pooling: kernel (D, 1)
==============  ==============================================  =======================================

The names are those of the network's parts; a language model's are ``rnn`` and ``decoder``, and its input
is one-hot there. Blocks of rows are i, f, g, o in all three; of a GRU r, z, n here and in PyTorch, z, r, n
in Keras. Both others have a z that keeps the old state, 1 − z of here: W_z and b_z change their sign.

PyTorch adds two biases where one is enough. Coming in, they are summed; going out, the second is −0.0,
which changes no bit of a number that it is added to: weights come back as they went out.

If no such layer exists there, ArgumentError says so: PyTorch has no GRU that resets before the
product (the textbook's, ``reset_after=False``; Keras has), and neither has peepholes, coupled or forced gates.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import nn
from ..arguments import checked
from ..cells import CELLS
from ..cells.cell import Counterpart, Framework
from ..cells.config import LayerConfig
from ..errors import ArgumentError, CheckpointError
from ..nn.language_model import LanguageModel
from ..nn.saving import FORMAT as NETWORK_FORMAT
from ..nn.saving import load_weights
from ..tensors import open_tensors, write_safetensors
from ..train.checkpoint import FORMAT as RUN_FORMAT
from ..train.checkpoint import load_checkpoint


@checked
def to_pytorch(model: nn.Module) -> dict[str, np.ndarray]:
    """A state dict of new arrays, with the shapes of ``lstm_ext.conversion.weights``.

    ``load_state_dict`` takes ``{name: torch.from_numpy(array) …}``. Raises ArgumentError for a network that PyTorch
    lacks.
    """
    tensors = {}
    for part in _parts(model):
        tensors.update(part.to_pytorch())
    return tensors


@checked
def load_pytorch(model: nn.Module, source: Mapping[str, ArrayLike] | str | os.PathLike[str]) -> None:
    """Take over a state dict (name → array), or that in a .safetensors file, of a network with the same parts.

    The files of ``Trainer.save`` and ``nn.save`` are read, too: the weights to use, and nothing else of them. A file is
    judged by its header before any array is read. Raises ArgumentError if names or shapes differ, CheckpointError for
    a file that does not fit, and has then changed nothing.
    """
    if isinstance(source, Mapping):
        given = {name: np.asarray(value) for name, value in source.items()}
        parts, expected = _expected(model)
        _check_fit({name: (array.dtype.name, array.shape) for name, array in given.items()}, expected)
        return _load_parts(parts, {name: given[name].astype(like.dtype) for name, like in expected.items()})
    path = os.fspath(source)
    with open_tensors(path, "state dict") as file:
        file_format = file.metadata.get("format")
    if file_format == NETWORK_FORMAT:
        return load_weights(path, model)
    if file_format == RUN_FORMAT:
        return _load_run(model, path)
    parts, expected = _expected(model)
    with open_tensors(path, "state dict") as file:
        try:
            _check_fit(file.header, expected)
        except ArgumentError as error:
            raise file.error(str(error)) from None
        tensors = {name: file.read(name, finite=False).astype(like.dtype) for name, like in expected.items()}
    _load_parts(parts, tensors)


@checked
def save_pytorch(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write the state dict as .safetensors, which ``safetensors.torch.load_file(path)`` reads; a failure leaves the
    old file. Raises ArgumentError, CheckpointError."""
    write_safetensors(path, to_pytorch(model), {"format": "pt"})


@checked
def to_keras(model: nn.Module) -> dict[str, list[np.ndarray]]:
    """For each layer what its ``set_weights`` takes, new arrays with the shapes of ``lstm_ext.conversion.weights``.

    Names are "rnn.0", "output", … The layers are LSTM, GRU and SimpleRNN with their defaults, the GRU with the
    same ``reset_after``; both directions are one Bidirectional; LayerNormalization needs ``epsilon=1e-5``.
    """
    weights = {}
    for part in _parts(model):
        weights.update(part.to_keras())
    return weights


@checked
def load_keras(model: nn.Module, weights: Mapping[str, Sequence[ArrayLike]]) -> None:
    """Take over what the layers' ``get_weights`` returned, by the names that ``to_keras`` gives them.

    Raises ArgumentError if names or shapes differ, and has then changed nothing.
    """
    parts = list(_parts(model))
    expected = {name: arrays for part in parts for name, arrays in part.to_keras().items()}
    _check_names("layers", weights, expected)
    checked = {}
    for name, likes in expected.items():
        if len(weights[name]) != len(likes):
            raise ArgumentError(f"{name}: got {len(weights[name])} arrays, expected {len(likes)}")
        pairs = zip(weights[name], likes, strict=True)
        checked[name] = [_fitting(f"{name}[{n}]", array, like) for n, (array, like) in enumerate(pairs)]
    for part in parts:
        part.load_keras(checked)


# ------------------------------------------------------------------------------- layers without recurrence


@dataclass(frozen=True)
class _Plain:
    """A layer whose arrays are the same everywhere, up to their names and, in Keras, a transposition."""

    name: str
    #: PyTorch's names → views of the weights, in the order that Keras has them in.
    arrays: dict[str, np.ndarray]
    transposed: bool  # in Keras

    def to_pytorch(self) -> dict[str, np.ndarray]:
        return {_joined(self.name, name): view.copy() for name, view in self.arrays.items()}

    def load_pytorch(self, tensors: Mapping[str, np.ndarray]) -> None:
        for name, view in self.arrays.items():
            view[...] = tensors[_joined(self.name, name)]

    def to_keras(self) -> dict[str, list[np.ndarray]]:
        return {self.name: [view.copy() for view in self._as_in_keras()]}

    def load_keras(self, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
        for view, array in zip(self._as_in_keras(), weights[self.name], strict=True):
            view[...] = array

    def _as_in_keras(self) -> list[np.ndarray]:
        return [view.T if self.transposed else view for view in self.arrays.values()]


# ---------------------------------------------------------------------------------------- recurrent layers


@dataclass(frozen=True)
class _Layer:
    """One recurrent layer in one direction: views of its Wt (H+D, G·H) and b."""

    config: LayerConfig
    Wt: np.ndarray
    b: np.ndarray

    def to_pytorch(self) -> dict[str, np.ndarray]:
        there, H, rows = self._counterpart("PyTorch"), self.config.hidden_size, self._rows
        Wt, b = self._there(self.Wt, there), self._there(self.b[:rows], there)
        second = np.full(rows, -0.0, b.dtype)
        if self._candidate_bias.size:
            second[-H:] = self._candidate_bias
        tensors = {"weight_ih": Wt[H:].T, "weight_hh": Wt[:H].T, "bias_ih": b, "bias_hh": second}
        return {name: np.array(tensor, order="C") for name, tensor in tensors.items()}

    def load_pytorch(self, tensors: Mapping[str, np.ndarray]) -> None:
        there = self._counterpart("PyTorch")
        self._load_biases(tensors["bias_ih"], tensors["bias_hh"], there)
        self.Wt[...] = self._here(np.concatenate([tensors["weight_hh"].T, tensors["weight_ih"].T]), there)

    def to_keras(self) -> list[np.ndarray]:
        there, H, rows = self._counterpart("Keras"), self.config.hidden_size, self._rows
        Wt, bias = self._there(self.Wt, there), self._there(self.b[:rows], there)
        if self._candidate_bias.size:
            recurrent = np.full(rows, -0.0, bias.dtype)
            recurrent[-H:] = self._candidate_bias
            bias = np.stack([bias, recurrent])
        return [np.array(array, order="C") for array in (Wt[H:], Wt[:H], bias)]

    def load_keras(self, weights: Sequence[np.ndarray]) -> None:
        there = self._counterpart("Keras")
        kernel, recurrent_kernel, bias = weights
        if self._candidate_bias.size:
            self._load_biases(bias[0], bias[1], there)
        else:
            self.b[...] = self._here(bias, there)
        self.Wt[...] = self._here(np.concatenate([recurrent_kernel, kernel]), there)

    def _load_biases(self, first: np.ndarray, second: np.ndarray, there: Counterpart) -> None:
        """The sum of both, but for a candidate's, where it matters which of them is the recurrent one."""
        rows, H = self._rows, self.config.hidden_size
        self.b[:rows] = self._here(first + second, there)
        if self._candidate_bias.size:  # the last block, in every framework
            self.b[rows - H : rows], self.b[rows:] = first[-H:], second[-H:]

    def _counterpart(self, framework: Framework) -> Counterpart:
        return CELLS[self.config.cell].counterparts[framework]

    @property
    def _rows(self) -> int:
        return self.config.blocks * self.config.hidden_size

    @property
    def _candidate_bias(self) -> np.ndarray:
        """The view (H,) of the recurrent bias of a GRU's candidate, with ``reset_after``; otherwise (0,)."""
        return self.b[self._rows :]

    def _there(self, array: np.ndarray, there: Counterpart) -> np.ndarray:
        """A copy (…, G·H) with the blocks in the other order and with the other signs."""
        return _rearranged(array, self._own_order, there.order, there.negated)

    def _here(self, array: np.ndarray, there: Counterpart) -> np.ndarray:
        """The way back."""
        return _rearranged(array, there.order, self._own_order, there.negated)

    @property
    def _own_order(self) -> tuple[str, ...]:
        return tuple(block.name for block in CELLS[self.config.cell].blocks)


@dataclass(frozen=True)
class _Stack:
    """A whole nn.LSTM, nn.GRU or nn.RNN; in Keras a layer for each of its levels."""

    name: str
    #: From the input upwards, of each level the forward direction first.
    layers: list[_Layer]
    directions: int
    normalised: bool

    def to_pytorch(self) -> dict[str, np.ndarray]:
        self._check_pytorch()
        return {
            _joined(self.name, kind + suffix): tensor
            for suffix, layer in self._by_suffix()
            for kind, tensor in layer.to_pytorch().items()
        }

    def load_pytorch(self, tensors: Mapping[str, np.ndarray]) -> None:
        for suffix, layer in self._by_suffix():
            kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            layer.load_pytorch({kind: tensors[_joined(self.name, kind + suffix)] for kind in kinds})

    def to_keras(self) -> dict[str, list[np.ndarray]]:
        self._check("Keras")
        return {
            name: [array for layer in layers for array in layer.to_keras()] for name, layers in self._by_level().items()
        }

    def load_keras(self, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
        for name, layers in self._by_level().items():
            for direction, layer in enumerate(layers):
                layer.load_keras(weights[name][3 * direction : 3 * direction + 3])

    def _by_suffix(self) -> Iterator[tuple[str, _Layer]]:
        for n, layer in enumerate(self.layers):
            level, direction = divmod(n, self.directions)
            yield f"_l{level}" + ("_reverse" if direction else ""), layer

    def _by_level(self) -> dict[str, list[_Layer]]:
        return {
            _joined(self.name, str(n // self.directions)): self.layers[n : n + self.directions]
            for n in range(0, len(self.layers), self.directions)
        }

    def _check_pytorch(self) -> None:
        self._check("PyTorch")
        if self.normalised and len(self.layers) > self.directions:
            raise ArgumentError(
                f"{self.name}: got layer_norm between layers, expected none: "
                "PyTorch normalises nothing inside a stack of layers"
            )

    def _check(self, framework: Framework) -> None:
        config = self.layers[0].config
        if reason := CELLS[config.cell].lacking(config, framework):
            raise ArgumentError(f"{self.name}: {reason}")


# ------------------------------------------------------------------------------------- what a model consists of


def _parts(model: nn.Module) -> Iterator[_Plain | _Stack]:
    """All weights of a model, in views."""
    if isinstance(model, LanguageModel):
        yield _Stack("rnn", [_Layer(layer.config, layer.Wt, layer.b) for layer in model.layers], 1, normalised=False)
        yield _Plain("decoder", {"weight": model.output.W, "bias": model.output.b}, transposed=True)
        return
    inside: set[int] = set()  # layers that came with their stack
    for prefix, module in model.modules():
        name = prefix.removesuffix(".")
        if isinstance(module, nn.Recurrent):
            inside.update(id(layer) for layer in module.layers)
            layers = [_Layer(layer.config, layer.Wt, layer.b) for layer in module.layers]
            yield _Stack(name, layers, module.directions, normalised=bool(module.norms))
        elif isinstance(module, nn.Linear):
            yield _Plain(name, {"weight": module.W, "bias": module.b}, transposed=True)
        elif isinstance(module, nn.Embedding):
            yield _Plain(name, {"weight": module.W}, transposed=False)
        elif isinstance(module, nn.LayerNorm):
            yield _Plain(name, {"weight": module.gain, "bias": module.b}, transposed=False)
        elif isinstance(module, nn.Attention):
            yield _Plain(name, {"weight": module.v[None]}, transposed=True)
        elif module.parameter_shapes() and id(module) not in inside:
            raise ArgumentError(f"{name}: got a {type(module).__name__}, for which no conversion is known")


def _rearranged(array: np.ndarray, before: Sequence[str], after: Sequence[str], negated: Sequence[str]) -> np.ndarray:
    """A copy of (…, G·H) whose blocks come in another order, some with the other sign."""
    blocks = dict(zip(before, np.split(array, len(before), axis=-1), strict=True))
    return np.concatenate([-blocks[name] if name in negated else blocks[name] for name in after], axis=-1)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _check_names(what: str, given: Mapping[str, object], expected: Mapping[str, object]) -> None:
    problems = []
    for problem, names in (("missing", set(expected) - set(given)), ("not expected", set(given) - set(expected))):
        if names:
            shown = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
            problems.append(f"{problem}: {shown}")
    if problems:
        raise ArgumentError(f"{what}: {'; '.join(problems)}")


def _expected(model: nn.Module) -> tuple[list[_Plain | _Stack], dict[str, np.ndarray]]:
    """The parts of a model, and a state dict like that which it takes. Raises ArgumentError if PyTorch lacks it."""
    parts = list(_parts(model))
    return parts, {name: array for part in parts for name, array in part.to_pytorch().items()}


def _load_parts(parts: Sequence[_Plain | _Stack], tensors: Mapping[str, np.ndarray]) -> None:
    for part in parts:
        part.load_pytorch(tensors)


def _check_fit(given: Mapping[str, tuple[str, tuple[int, ...]]], expected: Mapping[str, np.ndarray]) -> None:
    """Raises ArgumentError unless a state dict with these dtypes and shapes has what is expected."""
    _check_names("state dict", given, expected)
    for name, like in expected.items():
        dtype, shape = given[name]
        if shape != like.shape or not dtype.startswith("float"):
            raise ArgumentError(f"{name}: got {dtype} {shape}, expected floats {like.shape}")


def _fitting(name: str, value: ArrayLike, like: np.ndarray) -> np.ndarray:
    """``value`` in the dtype of ``like``, if it has its shape."""
    array = np.asarray(value)
    if array.shape != like.shape or array.dtype.kind != "f":
        raise ArgumentError(f"{name}: got {array.dtype} {array.shape}, expected floats {like.shape}")
    return array.astype(like.dtype)


def _load_run(model: nn.Module, path: str) -> None:
    run = load_checkpoint(path)
    if not isinstance(model, LanguageModel) or model.config.parameter_shapes() != run.config.parameter_shapes():
        raise CheckpointError(f"{path}: has the weights of a language model, {run.config}, expected those of {model!r}")
    model.load(run.state.kept_weights)
