"""Recurrent layers: one of them in one direction, and stacks of them in one or both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Depth, Size, check_memory
from ..cells import CellName
from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from ..errors import ArgumentError
from .checks import checked_floats, checked_lengths, checked_symbols, counted_steps
from .dropout import Dropout, check_dropout
from .initialization import check_init, initialize_layer
from .layer_norm import LayerNorm
from .module import Module


class RecurrentLayer(Module):
    """One layer in one direction, on the engine.

    After ``forward``, ``activations`` holds its gates and states at every step.
    """

    Wt: np.ndarray
    dWt: np.ndarray
    b: np.ndarray
    db: np.ndarray
    peephole: np.ndarray | None = None
    dpeephole: np.ndarray | None = None
    activations: Activations
    #: (S, B, H), ∂L/∂(initial state) of the last ``backward``: of h and, for an LSTM (S = 2), of c
    dstate: np.ndarray

    def __init__(
        self, config: LayerConfig, *, recurrent_dropout: float = 0.0, init: str = "uniform", forget_bias: float = 1.0
    ) -> None:
        check_init(init, config.cell)
        check_dropout("recurrent_dropout", recurrent_dropout)
        self.config = config
        self.recurrent_dropout = recurrent_dropout
        self._init, self._forget_bias = init, forget_bias

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.config.parameter_shapes()

    def initialize(self, rng: np.random.Generator) -> None:
        own = {name: getattr(self, name) for name in self.parameter_shapes()}
        initialize_layer(self.config, own, rng, self._init, self._forget_bias)

    def forward(self, x: np.ndarray, lengths: np.ndarray | None, state: np.ndarray) -> np.ndarray:
        """x (T, B, D) or symbols (T, B), lengths (B,) or None, state (S, B, H) → (T, B, H), a view.

        The view is of ``activations.h``, whose arrays the next forward pass uses again: copy what you want to keep.
        Raises ArgumentError for other shapes.
        """
        if x.ndim not in (2, 3) or 0 in x.shape:
            raise ArgumentError(
                f"x: got shape {x.shape}, expected numbers (T, B, D) or symbols (T, B), T and B at least 1"
            )
        state = checked_floats(
            "state", state, (self.config.state_arrays, x.shape[1], self.config.hidden_size), self.dtype
        )
        mask = None
        if self.training and self.recurrent_dropout > 0:
            mask = self.noise.mask(self.recurrent_dropout, state.shape[1:], self.dtype)
        self.activations = self.engine_module.layer_forward(
            self.config, self._weights, x, state, lengths, mask, vars(self).get("activations")
        )
        return self.activations.output

    @property
    def final_state(self) -> np.ndarray:
        """(S, B, H): the state after each sequence's last step (in reverse: after its first)."""
        return self.activations.final_state

    def backward(self, dout: np.ndarray, dfinal: np.ndarray | None = None) -> np.ndarray | None:
        """dout (T, B, H), dfinal (S, B, H) → ∂L/∂x, or None for symbols."""
        h = self.activations.output
        dout = checked_floats("dout", dout, h.shape, self.dtype)
        if dfinal is not None:
            dfinal = checked_floats("dfinal", dfinal, (self.config.state_arrays, *h.shape[1:]), self.dtype)
        grads = self.engine_module.layer_backward(self._weights, self.activations, dout, dfinal)
        for name in self.parameter_shapes():
            getattr(self, "d" + name)[...] = getattr(grads, "d" + name)
        self.dstate = grads.dstate
        return grads.dx

    @property
    def _weights(self) -> Weights:
        return Weights(self.Wt, self.b, self.peephole)


class Recurrent(Module):
    """Recurrent layers on top of each other: ``cell`` is one of ``cells.CELLS``.

    ``bidirectional``: each layer runs in both directions, the reverse one from each sequence's own end, and
    outputs both next to each other, [forward, reverse], so that D_out = 2·H. Otherwise D_out = H.

    ``dropout`` acts between the layers, with a new mask at every step (Zaremba et al. 2014); for the first
    inputs and the last outputs, put a ``Dropout`` before and after.
    ``recurrent_dropout`` is variational (Gal and Ghahramani 2016): one mask per sequence, the same at
    all steps, on each layer's inputs (unless they are symbols) and on its h_{t−1} wherever W meets it.

    ``layer_norm`` normalizes each layer's output, not its recurrence.

    ``reset_after``, ``peephole``, ``coupled`` and ``force`` are those of ``LayerConfig``, ``init`` and
    ``forget_bias`` those of ``initialization``. ``layers`` holds the layers, from the input upwards and
    each forward direction before its reverse; their ``activations`` show gates and states. Raises
    ArgumentError for settings that do not go together.
    """

    #: (N, S, B, H): of the N layers and directions in the order of ``layers``, h and, for an LSTM (S = 2), c
    #: after each sequence's last step, in reverse after its first; of the last ``forward``.
    final_state: np.ndarray
    #: (N, S, B, H), ∂L/∂(initial state) of the last ``backward``
    dstate: np.ndarray

    def __init__(
        self,
        cell: CellName,
        input_size: Size,
        hidden_size: Size,
        *,
        num_layers: Depth = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = False,
        reset_after: bool = False,
        peephole: bool = False,
        coupled: bool = False,
        force: Mapping[str, float] | None = None,
        init: str = "uniform",
        forget_bias: float = 1.0,
    ) -> None:
        check_dropout("dropout", dropout)
        self.cell, self.input_size, self.hidden_size, self.num_layers = cell, input_size, hidden_size, num_layers
        self.bidirectional = bidirectional
        self.directions = 2 if bidirectional else 1
        self.output_size = self.directions * hidden_size
        self.layers = [
            RecurrentLayer(
                LayerConfig(
                    cell,
                    input_size if level == 0 else self.output_size,
                    hidden_size,
                    reset_after=reset_after,
                    peephole=peephole,
                    coupled=coupled,
                    reverse=reverse,
                    force=force or {},
                ),
                recurrent_dropout=recurrent_dropout,
                init=init,
                forget_bias=forget_bias,
            )
            for level in range(num_layers)
            for reverse in (False, True)[: self.directions]
        ]
        self.norms = [LayerNorm(self.output_size) for _ in range(num_layers)] if layer_norm else []
        self._dropouts = [Dropout(dropout) for _ in range(num_layers - 1)]
        self._input_dropouts = [Dropout(recurrent_dropout, per_sequence=True) for _ in range(num_layers)]

    def zero_state(self, batch_size: Count) -> np.ndarray:
        """(N, S, B, H), see ``final_state``."""
        first = self.layers[0].config
        check_memory("batch_size", batch_size, 2 * len(self.layers) * batch_size * self.hidden_size)
        return np.zeros((len(self.layers), first.state_arrays, batch_size, self.hidden_size), self.dtype)

    def forward(self, x: ArrayLike, lengths: ArrayLike | None = None, state: ArrayLike | None = None) -> np.ndarray:
        """(T, B, D) numbers or (T, B) symbols 0 … D−1 → (T, B, D_out), which is 0 in padding.

        ``lengths`` (B,): how many steps of each sequence count; what x holds after them is never
        looked at. ``state`` (N, S, B, H): where to start, by default zeros; in reverse it stands after a
        sequence's last step.
        """
        x, counts = self._checked(x, lengths)
        T, B = x.shape[:2]
        start = self.zero_state(B)
        if state is not None:
            start = checked_floats("state", state, start.shape, self.dtype)
        self._padding = None if counts is None else ~counted_steps(counts, T)
        for level in range(self.num_layers):
            if level > 0:
                x = self._dropouts[level - 1].forward(x)
            if x.ndim == 3:
                x = self._input_dropouts[level].forward(x)
            layers = self._level(level)
            outputs = [self.layers[n].forward(x, counts, start[n]) for n in layers]
            only_read = len(outputs) == 1 and self._padding is None and level < self.num_layers - 1
            x = outputs[0] if only_read else np.concatenate(outputs, axis=2)  # a copy, also of one
            if self.norms:
                x = self.norms[level].forward(x)
            if self._padding is not None:
                x[self._padding] = 0
        self.final_state = np.stack([layer.final_state for layer in self.layers])
        return x

    def backward(self, dout: np.ndarray | None, dfinal: np.ndarray | None = None) -> np.ndarray | None:
        """dout (T, B, D_out) → ∂L/∂x (T, B, D), or None where x was symbols.

        ``dfinal`` (N, S, B, H) is the gradient with respect to ``final_state``, where that was used;
        without any use of the outputs, dout may be None. See also ``dstate``.
        """
        H, shape = self.hidden_size, (*self.layers[0].activations.gates.shape[:2], self.output_size)
        dout = np.zeros(shape, self.dtype) if dout is None else checked_floats("dout", dout, shape, self.dtype)
        if dfinal is not None:
            dfinal = checked_floats("dfinal", dfinal, self.final_state.shape, self.dtype)
        dx: np.ndarray | None = dout
        for level in reversed(range(self.num_layers)):
            assert dx is not None  # only the lowest layer may have had symbols
            if self._padding is not None:
                dx = np.where(self._padding[:, :, None], np.zeros((), self.dtype), dx)
            if self.norms:
                dx = self.norms[level].backward(dx)
            parts = [
                self.layers[n].backward(
                    np.ascontiguousarray(dx[:, :, direction * H : (direction + 1) * H], self.dtype),
                    None if dfinal is None else dfinal[n],
                )
                for direction, n in enumerate(self._level(level))
            ]
            dx = parts[0]
            if dx is not None:
                for part in parts[1:]:
                    dx = dx + part
                dx = self._input_dropouts[level].backward(dx)
                if level > 0:
                    dx = self._dropouts[level - 1].backward(dx)
        self.dstate = np.stack([layer.dstate for layer in self.layers])
        return dx

    def _level(self, level: int) -> range:
        """Where in ``layers`` the directions of one level are."""
        return range(level * self.directions, (level + 1) * self.directions)

    def _checked(self, x: ArrayLike, lengths: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None]:
        """x as the engine takes it, with zeros in the padding, where it may hold anything; and lengths."""
        x = np.asarray(x)
        if x.ndim not in (2, 3) or 0 in x.shape:
            raise ArgumentError(
                f"x: got shape {x.shape}, expected numbers (T, B, D) or symbols (T, B), T and B at least 1"
            )
        counts = checked_lengths(lengths, *x.shape[:2])
        if counts is not None:
            counted = counted_steps(counts, len(x))
            x = np.where(counted if x.ndim == 2 else counted[:, :, None], x, np.zeros((), x.dtype))
        if x.ndim == 2:
            return checked_symbols("x", x, self.input_size), counts
        return checked_floats("x", x, (None, None, self.input_size), self.dtype), counts
