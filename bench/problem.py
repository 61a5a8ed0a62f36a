"""The task that all contenders of one row are given: the same weights, state and batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_ext.engine.config import DtypeName, ModelConfig, OptimizerConfig

from .rows import VOCABULARY, Row

LEARNING_RATE = 2e-3
#: Adam, and the gradient's norm limited to 5.
OPTIMIZER = OptimizerConfig()


@dataclass(frozen=True)
class Problem:
    """Contenders copy ``parameters`` and ``state`` and leave these as they are."""

    config: ModelConfig
    #: (P,), in the order of ``config.parameter_shapes()``
    parameters: np.ndarray
    #: (L, S, B, H), where the first batch starts from
    state: np.ndarray
    #: (N, T, B) int32: the batches of one round
    inputs: np.ndarray
    targets: np.ndarray

    def weights(self) -> dict[str, np.ndarray]:
        """Views of ``parameters`` by name."""
        return self.config.parameter_views(self.parameters)


def make_problem(row: Row, dtype: DtypeName = "float32") -> Problem:
    """Random, but the same each time and, up to rounding, in either dtype. Nothing in it is zero, biases included."""
    config = row.config(dtype)
    rng = np.random.default_rng(row.hidden_size)
    bound = config.hidden_size**-0.5
    # A sampler that always picks the likeliest must have something to choose from.
    scale = 8.0 if row.kind == "sampling" else 1.0
    parameters = rng.uniform(-bound, bound, config.num_parameters).astype(np.float32) * np.float32(scale)
    state = rng.normal(0, 0.3, config.state_shape(row.batch_size)).astype(np.float32)
    shape = (2, row.units_per_round, row.seq_length, row.batch_size)
    inputs, targets = rng.integers(0, VOCABULARY, shape, dtype=np.int32)
    return Problem(config, parameters.astype(dtype), state.astype(dtype), inputs, targets)
