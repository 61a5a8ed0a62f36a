"""Whole networks for sequences: a class for each, a label for each step, numbers for each.

They share their lower part, ``Reader``: [embedding,] recurrent layers, with dropout before and after. Inputs
are symbols (T, B) from 0 to input_size−1, which an embedding looks up if there is an ``embedding_size``, and
which are one-hot otherwise; or, without an embedding, numbers (T, B, input_size). The other keyword arguments
are those of ``Reader``, and of ``Recurrent`` below it: cell, num_layers, dropout, … ``init`` applies to every
matrix, see ``initialization``; embeddings always start normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Size, check_choice, passes_on
from ..cells import CellName
from ..errors import ArgumentError
from .dropout import Dropout
from .embedding import Embedding
from .linear import Linear
from .losses import mean_squared_error
from .model import Model
from .module import Module
from .pooling import Attention, Last, Mean
from .recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ReaderOptions, RecurrentOptions

PoolingName = Literal["last", "mean", "attention"]


class Reader(Module):
    """Inputs (T, B) or (T, B, D) → an output (T, B, ``output_size``) per step, 0 in padding."""

    @passes_on(Recurrent)
    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        *,
        cell: CellName = "lstm",
        embedding_size: Size | None = None,
        dropout: float = 0.0,
        init: str = "uniform",
        **recurrent: Unpack[RecurrentOptions],
    ) -> None:
        self.init = init
        self.embedding = None if embedding_size is None else Embedding(input_size, embedding_size)
        self._dropout_in = Dropout(dropout)
        size = embedding_size or input_size
        self.rnn = Recurrent(cell, size, hidden_size, dropout=dropout, init=init, **recurrent)
        self._dropout_out = Dropout(dropout)
        self.output_size = self.rnn.output_size

    def forward(
        self, inputs: ArrayLike, lengths: ArrayLike | None = None, state: ArrayLike | None = None
    ) -> np.ndarray:
        """Outputs (T, B, ``output_size``); ``lengths`` (B,), and ``state`` as in ``Recurrent.forward``."""
        x = np.asarray(inputs)
        if self.embedding is not None:
            x = self.embedding.forward(x)
        if x.ndim == 3:
            x = self._dropout_in.forward(np.asarray(x, self.dtype))
        return self._dropout_out.forward(self.rnn.forward(x, lengths, state))

    def backward(self, dout: np.ndarray | None, dfinal: np.ndarray | None = None) -> np.ndarray | None:
        """∂L/∂inputs, or None for symbols. Arguments as in ``Recurrent.backward``."""
        dx = self.rnn.backward(None if dout is None else self._dropout_out.backward(dout), dfinal)
        if dx is not None:
            dx = self._dropout_in.backward(dx)
            if self.embedding is not None:
                self.embedding.backward(dx)
                return None
        return dx


class _Pooled(Model):
    """Reads a sequence, pools over its steps and maps the result to ``num_outputs`` numbers."""

    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_outputs: Size,
        *,
        pooling: PoolingName,
        **reader: Unpack[ReaderOptions],
    ) -> None:
        check_choice("pooling", pooling, get_args(PoolingName))
        self.reader = Reader(input_size, hidden_size, **reader)
        size = self.reader.output_size
        if pooling == "last":
            self.pooling: Last | Mean | Attention = Last(bidirectional=self.reader.rnn.bidirectional)
        elif pooling == "mean":
            self.pooling = Mean()
        else:
            self.pooling = Attention(size, init=self.reader.init)
        self.output = Linear(size, num_outputs, init=self.reader.init)

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """Outputs (B, num_outputs)."""
        return self.output.forward(self.pooling.forward(self.reader.forward(inputs, lengths), lengths))

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """``dout`` (B, num_outputs) is ∂L/∂outputs; returns ∂L/∂inputs, or None for symbols."""
        return self.reader.backward(self.pooling.backward(self.output.backward(dout)))


class Classifier(_Pooled):
    """One of ``num_classes`` for each sequence: ``forward`` gives logits (B, num_classes), targets are (B,).

    ``pooling``: "last", "mean" or "attention"; with attention, ``attention_weights`` (T, B) show what
    the last forward pass looked at.
    """

    @passes_on(Reader)
    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_classes: Size,
        *,
        pooling: PoolingName = "last",
        **reader: Unpack[ReaderOptions],
    ) -> None:
        super().__init__(input_size, hidden_size, num_classes, pooling=pooling, **reader)

    @property
    def attention_weights(self) -> np.ndarray:
        """(T, B) of the last forward pass, 0 in padding. Raises ArgumentError without attention."""
        if not isinstance(self.pooling, Attention):
            raise ArgumentError("attention_weights: this network pools without attention, expected pooling='attention'")
        return self.pooling.alpha


class Regressor(_Pooled):
    """``num_outputs`` numbers for each sequence: ``forward`` gives (B, num_outputs), and so are targets.

    The loss is the mean squared error, in the squared unit of the targets.
    """

    criterion = staticmethod(mean_squared_error)

    @passes_on(Reader)
    def __init__(
        self,
        input_size: Size,
        hidden_size: Size,
        num_outputs: Size = 1,
        *,
        pooling: PoolingName = "last",
        **reader: Unpack[ReaderOptions],
    ) -> None:
        super().__init__(input_size, hidden_size, num_outputs, pooling=pooling, **reader)


class Tagger(Model):
    """One of ``num_tags`` for each step: ``forward`` gives logits (T, B, num_tags).

    Targets are (T, B), −1 in padding.
    """

    @passes_on(Reader)
    def __init__(self, input_size: Size, hidden_size: Size, num_tags: Size, **reader: Unpack[ReaderOptions]) -> None:
        self.reader = Reader(input_size, hidden_size, **reader)
        self.output = Linear(self.reader.output_size, num_tags, init=self.reader.init)

    def forward(self, inputs: ArrayLike, lengths: ArrayLike | None = None) -> np.ndarray:
        """Logits (T, B, num_tags)."""
        return self.output.forward(self.reader.forward(inputs, lengths))

    def backward(self, dout: np.ndarray) -> np.ndarray | None:
        """``dout`` (T, B, num_tags) is ∂L/∂logits; returns ∂L/∂inputs, or None for symbols."""
        return self.reader.backward(self.output.backward(dout))
