"""Weights in PyTorch's and Keras's layouts: what they compute in Keras, and back without a changed bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lstm_ext import nn
from lstm_ext.conversion import load_keras, load_pytorch, save_pytorch, to_keras, to_pytorch
from lstm_ext.data import Text
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import CheckpointError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tensors import TensorFile
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer

CONVERTIBLE: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru", "reset_after": True},
    "rnn": {"cell": "rnn"},
}
cells = pytest.mark.parametrize("cell", CONVERTIBLE)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def randomised(model: Any, seed: int = 5) -> Any:
    """The model with every weight random, and some of them ±0, whose sign is a bit, too."""
    rng = np.random.default_rng(seed)
    model.parameters[...] = rng.normal(scale=0.5, size=model.parameters.shape)
    model.parameters[rng.integers(0, model.parameters.size, 20)] = 0.0
    model.parameters[rng.integers(0, model.parameters.size, 20)] = -0.0
    return model


def network(cell: str, dtype: str = "float64", **options: Any) -> nn.Classifier:
    """Every kind of part that has a counterpart."""
    model = nn.Classifier(
        6, 5, 3, pooling="attention", embedding_size=4, num_layers=2, bidirectional=True, **CONVERTIBLE[cell], **options
    )
    return randomised(model.build(dtype=dtype, backend="numpy"))


def language_model(cell: str, dtype: str = "float64", **options: Any) -> LanguageModel:
    return randomised(
        LanguageModel(ModelConfig(7, 5, 7, num_layers=2, dtype=dtype, **CONVERTIBLE[cell], **options), backend="numpy")
    )


makers = pytest.mark.parametrize("make", [network, language_model])


@cells
@dtypes
@makers
@pytest.mark.parametrize("framework", ["PyTorch", "file", "Keras"])
def test_what_went_out_comes_back_bit_by_bit(
    make: Callable[[str, str], Any], cell: str, dtype: str, framework: str, tmp_path: Path
) -> None:
    model, other = make(cell, dtype), make(cell, dtype)
    other.parameters[...] = np.nan
    if framework == "PyTorch":
        load_pytorch(other, to_pytorch(model))
    elif framework == "file":
        path = tmp_path / "model.safetensors"
        save_pytorch(model, path)
        load_pytorch(other, path)
    else:
        load_keras(other, to_keras(model))
    assert other.parameters.tobytes() == model.parameters.tobytes()


@pytest.mark.parametrize("to_framework", [to_pytorch, to_keras])
def test_what_went_out_is_a_copy(to_framework: Callable[[Any], dict[str, Any]]) -> None:
    model = network("gru")
    before = model.parameters.copy()
    for arrays in to_framework(model).values():
        for array in [arrays] if isinstance(arrays, np.ndarray) else arrays:
            assert array.flags.c_contiguous and array.dtype == np.float64
            array[...] = 9
    np.testing.assert_array_equal(model.parameters, before)


# ----------------------------------------------------------------------------------------------- Keras


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def keras_layer(cell: str, weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """(T, H) outputs of one sequence (T, D), as the documentation of Keras's LSTM, GRU and SimpleRNN has them."""
    kernel, recurrent_kernel, bias = weights
    H = len(recurrent_kernel)
    h, c, outputs = np.zeros(H), np.zeros(H), []
    for row in x:
        if cell == "rnn":
            h = np.tanh(row @ kernel + bias + h @ recurrent_kernel)
        elif cell == "lstm":
            i, f, g, o = np.split(row @ kernel + h @ recurrent_kernel + bias, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif bias.ndim == 2:  # reset_after=True
            x_z, x_r, x_h = np.split(row @ kernel + bias[0], 3)
            h_z, h_r, h_h = np.split(h @ recurrent_kernel + bias[1], 3)
            z = sigmoid(x_z + h_z)
            h = z * h + (1 - z) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)
        else:
            x_z, x_r, x_h = np.split(row @ kernel + bias, 3)
            U_z, U_r, U_h = np.split(recurrent_kernel, 3, axis=1)
            z, r = sigmoid(x_z + h @ U_z), sigmoid(x_r + h @ U_r)
            h = z * h + (1 - z) * np.tanh(x_h + (r * h) @ U_h)
        outputs.append(h)
    return np.array(outputs)


@pytest.mark.parametrize("reset_after", [False, True])
@cells
def test_a_network_says_the_same_in_keras(cell: str, reset_after: bool) -> None:
    options = {"reset_after": reset_after} if cell == "gru" else {}
    model = nn.Tagger(6, 5, 3, cell=cell, embedding_size=4, num_layers=2, bidirectional=True, **options)
    randomised(model.build(dtype="float64", backend="numpy"))
    weights = to_keras(model)
    symbols = np.random.default_rng(1).integers(0, 6, (7, 1))
    (embeddings,) = weights["reader.embedding"]
    x = embeddings[symbols[:, 0]]
    for level in ("reader.rnn.0", "reader.rnn.1"):
        forward, backward = weights[level][:3], weights[level][3:]
        x = np.concatenate([keras_layer(cell, forward, x), keras_layer(cell, backward, x[::-1])[::-1]], axis=1)
    kernel, bias = weights["output"]
    np.testing.assert_allclose(model.forward(symbols)[:, 0], x @ kernel + bias, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_gru_of_either_kind_comes_back_from_keras(reset_after: bool) -> None:
    model = randomised(nn.Recurrent("gru", 3, 4, reset_after=reset_after).build(dtype="float64"))
    other = nn.Recurrent("gru", 3, 4, reset_after=reset_after).build(dtype="float64")
    load_keras(other, to_keras(model))
    assert other.parameters.tobytes() == model.parameters.tobytes()


def test_keras_has_layer_normalisation_between_its_layers() -> None:
    model = randomised(nn.Recurrent("lstm", 3, 4, num_layers=2, layer_norm=True).build())
    weights = to_keras(model)
    assert sorted(weights) == ["0", "1", "norms.0", "norms.1"]
    np.testing.assert_array_equal(weights["norms.1"], [model.norms[1].gain, model.norms[1].b])


# ------------------------------------------------------------------------------------ what does not exist


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gru"}, "rnn: got a GRU that resets before the matrix product .* expected reset_after=True"),
        ({"cell": "lstm", "peephole": True}, "rnn: got an LSTM with peepholes, expected none: PyTorch has no"),
        ({"cell": "lstm", "coupled": True}, "rnn: got an LSTM with coupled gates"),
        ({"cell": "lstm", "force": {"forget": 1.0}}, "rnn: got an LSTM with forced gates"),
    ],
)
def test_layers_that_pytorch_does_not_have(options: dict[str, Any], message: str) -> None:
    model = LanguageModel(ModelConfig(4, 3, 4, **options), backend="numpy")
    with pytest.raises(ValueError, match=message):
        to_pytorch(model)
    with pytest.raises(ValueError, match=message):
        load_pytorch(model, {})
    if options["cell"] == "lstm":
        with pytest.raises(ValueError, match="Keras has no LSTM with"):
            to_keras(model)


def test_pytorch_has_no_layer_normalisation_between_its_layers() -> None:
    assert "norms.0.weight" in to_pytorch(nn.Recurrent("lstm", 3, 4, layer_norm=True).build())
    with pytest.raises(ValueError, match="layer_norm between layers"):
        to_pytorch(nn.Recurrent("lstm", 3, 4, num_layers=2, layer_norm=True).build())


def test_weights_of_an_unknown_kind() -> None:
    class Scale(nn.Module):
        def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
            return {"factor": (3,)}

    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.scale = Scale()

    with pytest.raises(ValueError, match="scale: got a Scale, for which no conversion is known"):
        to_pytorch(Scaled().build())


def test_weights_that_do_not_fit_change_nothing() -> None:
    model = network("lstm")
    before = model.parameters.copy()
    state = to_pytorch(network("lstm"))
    other = {**state, "output.weight": state["output.weight"] + 1}
    del other["output.bias"]
    layers = to_keras(model)
    attempts: list[tuple[Callable[..., None], Any, str]] = [
        (load_pytorch, other, "state dict: missing: output.bias$"),
        (load_pytorch, {**state, "fc.weight": 1, "fc.bias": 2}, "state dict: not expected: fc.bias, fc.weight$"),
        (
            load_pytorch,
            {**state, "output.bias": np.zeros(4)},
            r"output.bias: got float64 \(4,\), expected floats \(3,\)",
        ),
        (load_pytorch, {**state, "output.bias": np.zeros(3, int)}, "output.bias: got int64"),
        (load_keras, {**layers, "output": [np.zeros((10, 3))]}, "output: got 1 arrays, expected 2"),
        (load_keras, {**layers, "output": [np.zeros((3, 10)), np.zeros(3)]}, r"output\[0\]: got float64 \(3, 10\)"),
        (load_keras, {}, "layers: missing: output, pooling, reader.embedding, …$"),
    ]
    for load, source, message in attempts:
        with pytest.raises(ValueError, match=message):
            load(model, source)
        np.testing.assert_array_equal(model.parameters, before)


def test_files_that_do_not_fit_are_refused_by_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, model = tmp_path / "state.safetensors", network("lstm")
    before, state = model.parameters.copy(), to_pytorch(model)
    monkeypatch.setattr(TensorFile, "read", None)
    for tensors, message in (
        ({**state, "more": np.zeros(10**6)}, "state dict: not expected: more"),
        ({**state, "output.bias": np.zeros(4)}, "output.bias: got float64 (4,), expected floats (3,)"),
        ({**state, "output.bias": np.zeros(3, np.int64)}, "output.bias: got int64 (3,), expected floats (3,)"),
    ):
        save_file(tensors, path, {"format": "pt"})
        with pytest.raises(CheckpointError) as error:
            load_pytorch(model, path)
        assert str(error.value) == f"{path}: {message}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="is cut short, damaged or no state dict at all"):
        load_pytorch(model, path)
    np.testing.assert_array_equal(model.parameters, before)


# ------------------------------------------------------------------------------------- the lab's own files


@cells
def test_the_checkpoint_of_a_run_is_read(cell: str, tmp_path: Path) -> None:
    """The weights to use, whatever a GRU's z means in PyTorch, into a model of either dtype."""
    text = Text.from_string("abcabcbacbbacacb" * 8)
    config = ModelConfig(3, 5, 3, num_layers=2, **CONVERTIBLE[cell])
    trainer = Trainer(LanguageModel(config, seed=1), text, TrainerConfig(average=0.1, batch_size=2, seq_length=8))
    trainer.run(steps=6)
    path = tmp_path / "run.safetensors"
    trainer.save(str(path))
    for dtype in ("float32", "float64"):
        model = LanguageModel(replace(config, dtype=dtype, dropout=0.2))
        load_pytorch(model, path)
        np.testing.assert_array_equal(model.parameters, trainer.best_model().parameters)
    other = LanguageModel(replace(config, hidden_size=6))
    for wrong in (other, nn.Tagger(3, 5, 3).build()):
        before = wrong.parameters.copy()
        with pytest.raises(CheckpointError, match=r"has the weights of a language model, ModelConfig\(input_size=3"):
            load_pytorch(wrong, path)
        np.testing.assert_array_equal(wrong.parameters, before)


@makers
def test_the_file_of_a_network_is_read(make: Callable[..., Any], tmp_path: Path) -> None:
    path, model, other = tmp_path / "network.safetensors", make("gru"), make("gru")
    nn.save(path, model, nn.Optimizer(model))
    other.parameters[...] = 0
    load_pytorch(other, path)
    assert other.parameters.tobytes() == model.parameters.tobytes()
    wrong = nn.Tagger(7, 4, 3).build()
    with pytest.raises(CheckpointError, match=r"is damaged: 'reader\.rnn\.layers\.0\.W' is missing|is float64"):
        load_pytorch(wrong, path)
