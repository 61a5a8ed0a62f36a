"""Whether a network fits into memory, and which setting is to blame if it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.train.run_config import RunConfig
from lstm_lab import memory


@pytest.mark.parametrize(
    ("cell", "vocabulary", "hidden_size", "num_layers", "dtype"),
    [("lstm", 5, 7, 1, "float32"), ("gru", 65, 12, 3, "float64"), ("rnn", 2, 1, 2, "float32")],
)
def test_memory_counts_every_parameter(
    cell: str, vocabulary: int, hidden_size: int, num_layers: int, dtype: str
) -> None:
    config = ModelConfig(vocabulary, hidden_size, vocabulary, cell=cell, num_layers=num_layers, dtype=dtype)
    needed = memory.bytes_needed(config, batch_size=16, seq_length=0)
    assert needed == memory.PARAMETER_COPIES * config.num_parameters * np.dtype(dtype).itemsize


@pytest.mark.parametrize("name", ["hidden_size", "num_layers", "batch_size", "seq_length"])
def test_the_setting_that_takes_the_memory_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "bytes_available", lambda: 100_000_000)
    config = RunConfig.from_options({name: 100_000})
    with pytest.raises(
        ArgumentError, match=rf"^{name}: got 100000, which needs [\d.,]+ [GTP]B of memory; 100.0 MB are free"
    ):
        memory.check(replace(config.network, input_size=65, output_size=65), config.training, 10**9)
    small = RunConfig()
    memory.check(small.network, small.training, 10**9)
    # A text of 2,000 characters has no more than 125 in each of 16 lanes.
    if name == "seq_length":
        memory.check(config.network, config.training, 2000)
