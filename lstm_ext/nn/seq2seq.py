"""From one sequence to another, of any length."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Seed, Size, check_memory, passes_on
from ..data.padding import pad
from ..engine import rng
from ..engine.twin.sampling import draw
from ..errors import ArgumentError
from .linear import Linear
from .model import Model
from .models import Reader
from .trace import Trace, as_batch

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ReaderOptions


class Seq2Seq(Model):
    """An encoder reads the input, a decoder starts from its final state and writes (Sutskever et al. 2014).

    Inputs are symbols 0 … num_inputs−1 (or numbers, see ``Reader``), outputs symbols 0 … num_outputs−1, of which
    ``end`` ends every one, and ``start`` (by default also ``end``) is what the decoder reads first. Targets are
    (U, B) with ``end`` included and −1 after it. Encoder and decoder have the same cell and sizes but separate
    weights; keyword arguments that are not named go to the ``Reader`` of each. Raises ArgumentError.
    """

    @passes_on(Reader)
    def __init__(
        self,
        num_inputs: Size,
        num_outputs: Size,
        hidden_size: Size,
        *,
        end: int,
        start: int | None = None,
        **reader: Unpack[ReaderOptions],
    ) -> None:
        for name, symbol in (("end", end), ("start", start)):
            if symbol is not None and not 0 <= symbol < num_outputs:
                raise ArgumentError(f"{name}: got {symbol!r}, expected a symbol from 0 to {num_outputs - 1}")
        if reader.get("bidirectional"):
            raise ArgumentError("bidirectional: got True, expected False: the decoder must not see what comes next")
        self.end, self.start = end, end if start is None else start
        self.encoder = Reader(num_inputs, hidden_size, **reader)
        self.decoder = Reader(num_outputs, hidden_size, **reader)
        self.output = Linear(hidden_size, num_outputs, init=self.encoder.init)

    def forward(
        self, inputs: ArrayLike, lengths: ArrayLike | None = None, targets: ArrayLike | None = None
    ) -> np.ndarray:
        """Logits (U, B, num_outputs) of each target symbol, given the true ones before it.

        Raises ArgumentError without ``targets``.
        """
        if targets is None:
            raise ArgumentError("targets: got None, expected (U, B): to have outputs written freely, use decode")
        targets = np.asarray(targets)
        if targets.ndim != 2 or not targets.size or targets.dtype.kind not in "iu":
            raise ArgumentError(f"targets: got {targets.dtype} {targets.shape}, expected integers (U, B), at least one")
        read = np.concatenate([np.full_like(targets[:1], self.start), np.maximum(targets[:-1], 0)])
        self.encoder.forward(inputs, lengths)
        return self.output.forward(self.decoder.forward(read, state=self.encoder.rnn.final_state))

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """``dout`` (U, B, num_outputs) is ∂L/∂logits; returns ∂L/∂inputs, or None for symbols."""
        self.decoder.backward(self.output.backward(dout))
        return self.encoder.backward(None, self.decoder.rnn.dstate)

    def compare(self, inputs: ArrayLike, lengths: ArrayLike | None, targets: ArrayLike) -> tuple[float, np.ndarray]:
        return self.criterion(self.forward(inputs, lengths, targets), targets)

    def trace(self, inputs: ArrayLike, lengths: ArrayLike | None = None, targets: ArrayLike | None = None) -> Trace:
        """As of any network: of the encoder, and of the decoder while it reads ``targets``, (U, B) or (U,), or else
        what it writes itself, at most twice as much as it was given."""
        batch = as_batch(inputs)
        if targets is None:
            written = self.decode(batch, lengths, max_length=2 * len(batch))
            targets, _ = pad([[*own, self.end] for own in written], -1)
        targets = as_batch(targets)
        with self.evaluating():
            self.forward(batch, lengths, targets)
        counted = np.count_nonzero(targets >= 0, axis=0).astype(np.int32)
        layers = self._activations()
        return Trace(
            {name: replace(a, lengths=counted) if name.startswith("decoder") else a for name, a in layers.items()}
        )

    def decode(
        self,
        inputs: ArrayLike,
        lengths: ArrayLike | None = None,
        *,
        max_length: int,
        temperature: float = 0.0,
        seed: Seed = 0,
    ) -> list[np.ndarray]:
        """For each input the symbols that the decoder writes, reading its own: (n,) int32, without ``end``.

        It stops at ``end``, or else after ``max_length`` symbols. Raises ArgumentError for numbers below 0.
        ``temperature`` 0 takes the likeliest symbol each time; otherwise symbols are drawn from
        softmax(logits/temperature), with random numbers that depend on ``seed`` and the place in the batch.
        """
        check_memory("max_length", max_length, 32 * max_length)
        if not (max_length >= 0 and 0 <= temperature < np.inf):
            raise ArgumentError(f"max_length, temperature: got {max_length!r}, {temperature!r}, expected 0 or more")
        with self.evaluating():
            self.encoder.forward(inputs, lengths)
            state = self.encoder.rnn.final_state
            batch = state.shape[2]
            uniforms = [rng.uniforms(rng.mix(seed) + b, 0, max_length) for b in range(batch)]
            written = np.full((max_length, batch), -1, np.int32)
            read = np.full((1, batch), self.start, np.int32)
            writing = np.ones(batch, bool)
            for t in range(max_length):
                logits = self.output.forward(self.decoder.forward(read, state=state))[0]
                state = self.decoder.rnn.final_state
                for b in np.flatnonzero(writing):
                    written[t, b] = read[0, b] = draw(logits[b], uniforms[b][t], temperature)
                writing &= written[t] != self.end
                if not writing.any():
                    break
        return [column[(column >= 0) & (column != self.end)] for column in written.T]
