"""Options of networks: shown by editors and ``help``, checked by type checkers, and named when misspelled."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ext import nn

pytest.importorskip("mypy")

SNIPPET = """
from lstm_ext import LanguageModel, LayerConfig, ModelConfig, OptimizerConfig, nn

nn.Tagger(5, 4, 3, cell="gru", num_layers=2, embedding_size=None, force={"forget": 1.0}, init="chrono:9")
ModelConfig(5, 4, 5, cell="rnn", dtype="float64")
nn.Sequential(nn.Linear(2, 3), nn.Tanh(), loss="mean_squared_error")
nn.fit(nn.Tagger(5, 4, 3).build(), [], schedule="cosine", steps=0)
nn.Tagger(5, 4, 3, cell="lstmm")  # error
nn.Tagger(5, 4, 3, cel="lstm")  # error
nn.Classifier(5, 4, 3, pooling="max")  # error
nn.Classifier(5, 4, 3, bidirectional="yes")  # error
nn.Regressor(5, 4, dropout="much")  # error
nn.DirectForecaster(5, 4, 3, hiden=3)  # error
nn.AutoregressiveForecaster(5, 4, cell="elman")  # error
nn.Seq2Seq(5, 4, 3, end=1, layers=2)  # error
nn.Reader(5, 4, cell="lstmm")  # error
nn.Recurrent("lstmm", 5, 4)  # error
nn.Recurrent("lstm", 5, 4, num_layer=2)  # error
nn.Sequential(nn.Linear(2, 3), loss="mse")  # error
ModelConfig(5, 4, 5, cell="lstmm")  # error
ModelConfig(5, 4, 5, dtype="float16")  # error
LayerConfig("lstmm", 5, 4)  # error
OptimizerConfig("adamw")  # error
LanguageModel(ModelConfig(5, 4, 5), threds=2)  # error
nn.fit(nn.Tagger(5, 4, 3).build(), [], schedule="cosinus", steps=0)  # error
"""


def test_a_type_checker_finds_misspelled_options(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    root = Path(nn.__file__).parents[2]
    options = ["--config-file", str(root / "pyproject.toml"), "--cache-dir", str(root / ".mypy_cache"), "--no-pretty"]
    command = [sys.executable, "-m", "mypy", *options, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False).stdout
    # Not the whole path: errors may come from mypy's cache, with that of an earlier run.
    lines = {int(number) for number in re.findall(r"snippet\.py:(\d+): error:", found)}
    expected = {number for number, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# error")}
    assert lines == expected, found


@pytest.mark.parametrize(
    "network",
    [nn.Reader, nn.Tagger, nn.Classifier, nn.Regressor, nn.DirectForecaster, nn.AutoregressiveForecaster, nn.Seq2Seq],
)
def test_every_option_is_shown(network: Any) -> None:
    shown = inspect.signature(network).parameters
    layers = inspect.signature(nn.Recurrent).parameters
    assert {"cell", "embedding_size", *layers} - set(shown) <= {"input_size"}
    for name in set(shown) & set(layers) - {"cell"}:
        assert shown[name].default == layers[name].default, name
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in shown.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Tagger(5, 4, 2, cell="lstmm"), "Tagger: cell: got 'lstmm', did you mean 'lstm'?"),
        (lambda: nn.Tagger(5, 4, 2, bidirectionel=True), "Tagger: unknown keyword 'bidirectionel', did you mean 'bidi"),
        (lambda: nn.Tagger(5, hiden_size=4, num_tags=2), "Tagger: unknown keyword 'hiden_size', did you mean 'hidden_"),
        (lambda: nn.Classifier(5, 4, 2, pooling="attn"), "Classifier: pooling: got 'attn', did you mean 'attention'?"),
        (
            lambda: nn.Regressor(5, 4, peephole=True, cell="gru"),
            "Regressor: peephole: got True for cell 'gru', expected",
        ),
        (
            lambda: nn.DirectForecaster(5, 4, 2, droput=0.1),
            "DirectForecaster: unknown keyword 'droput', did you mean 'd",
        ),
        (lambda: nn.AutoregressiveForecaster(5, 4, num_layers=0), "AutoregressiveForecaster: num_layers: got 0"),
        (lambda: nn.Seq2Seq(5, 4, 3, end=1, cells="gru"), "Seq2Seq: unknown keyword 'cells', did you mean 'cell'?"),
        (lambda: nn.Recurrent("gruu", 5, 4), "Recurrent: cell: got 'gruu', did you mean 'gru'?"),
    ],
)
def test_misspelled_options_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value).startswith(message)
