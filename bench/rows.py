"""What is measured: networks and batch shapes, and the arithmetic one training step of each takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_ext.cells import CellName
from lstm_ext.engine.config import DtypeName, ModelConfig
from lstm_ext.errors import ArgumentError

#: V, the symbols of a text such as Shakespeare's.
VOCABULARY = 65
#: Characters that a sampler draws at a time.
SAMPLE_LENGTH = 200


@dataclass(frozen=True)
class Row:
    """One line of the benchmark.

    ``kind`` is "training" (one step: forward, loss, backward, clipping, Adam; float32),
    "float64" (the same, the C core against itself in float32) or "sampling" (characters, one
    after the other).
    """

    kind: str
    cell: CellName
    hidden_size: int
    batch_size: int = 1
    seq_length: int = 1
    num_layers: int = 1
    reset_after: bool = False

    @property
    def name(self) -> str:
        """lstm-128-32-50 is H, B, T; gru-after-2x128-32-50 a GRU with ``reset_after`` and two layers."""
        layers = f"{self.num_layers}x" if self.num_layers > 1 else ""
        parts = [self.cell, *(["after"] if self.reset_after else []), f"{layers}{self.hidden_size}"]
        if self.kind == "sampling":
            return "-".join(["sampling", *parts])
        prefix = ["float64"] if self.kind == "float64" else []
        return "-".join([*prefix, *parts, str(self.batch_size), str(self.seq_length)])

    def config(self, dtype: DtypeName = "float32") -> ModelConfig:
        """The network; no dropout."""
        return ModelConfig(
            VOCABULARY,
            self.hidden_size,
            VOCABULARY,
            cell=self.cell,
            num_layers=self.num_layers,
            reset_after=self.reset_after,
            dtype=dtype,
        )

    @property
    def operations(self) -> int:
        """Floating-point operations of the matrix products in one training step.

        A product with a weight matrix is 2 operations per weight and symbol forward, and twice that
        backward (for the input's gradient and the weights'): 6·T·B·(Σ_layers G·H·(H + D) + V·H).
        The symbols' own columns (D of the first layer) are not counted: a one-hot product is a
        gather, even for those who spend arithmetic on it.
        """
        h = self.hidden_size
        weights = VOCABULARY * h
        for index, layer in enumerate(self.config().layers()):
            weights += layer.blocks * h * (layer.recurrent_rows + (layer.input_size if index else 0))
        return 6 * self.seq_length * self.batch_size * weights

    @property
    def units_per_round(self) -> int:
        """Training steps, or characters, that each contender does when its turn comes: small steps
        are bundled, so that the clock and the call into a library weigh little."""
        if self.kind == "sampling":
            return SAMPLE_LENGTH
        return max(1, min(16, round(2e8 / self.operations)))


_LSTM = ((64, 1, 25), (128, 1, 50), (128, 32, 50), (256, 32, 50), (256, 64, 100), (512, 64, 50))
_LSTM_2 = ((128, 20, 25), (512, 50, 50))
_OTHERS = ((128, 32, 50), (256, 32, 50))
ROWS: tuple[Row, ...] = (
    *(Row("training", "lstm", *shape) for shape in _LSTM),
    *(Row("training", "lstm", *shape, num_layers=2) for shape in _LSTM_2),
    *(Row("training", "gru", *shape) for shape in _OTHERS),
    *(Row("training", "gru", *shape, reset_after=True) for shape in _OTHERS),
    *(Row("training", "rnn", *shape) for shape in _OTHERS),
    Row("float64", "lstm", 64, 1, 25),
    Row("float64", "lstm", 128, 32, 50),
    Row("float64", "lstm", 256, 32, 50),
    Row("float64", "gru", 128, 32, 50),
    *(Row("sampling", "lstm", h, num_layers=layers) for h in (128, 512) for layers in (1, 2)),
)
#: What ``--quick`` measures.
QUICK = (
    "lstm-64-1-25",
    "lstm-128-32-50",
    "gru-128-32-50",
    "gru-after-128-32-50",
    "rnn-128-32-50",
    "float64-lstm-128-32-50",
    "sampling-lstm-128",
)


def row_named(name: str) -> Row:
    """Raises KeyError for an unknown name."""
    return {row.name: row for row in ROWS}[name]


def select_rows(names: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Those of ``names`` that contain one of ``patterns``; all of them without any.

    Raises ArgumentError for a pattern that nothing contains.
    """
    for pattern in patterns:
        if not any(pattern in name for name in names):
            raise ArgumentError(f"rows: got {pattern!r}, expected a part of one of {', '.join(names)}")
    return tuple(name for name in names if not patterns or any(pattern in name for pattern in patterns))
