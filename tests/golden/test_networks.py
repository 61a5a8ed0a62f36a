"""Parts and networks of ``nn``, their weights taken over from PyTorch's, against what PyTorch computed of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden.golden import HERE, Arrays, Golden, goldens
from safetensors.numpy import load_file

from lstm_ext import nn
from lstm_ext.conversion import load_pytorch, save_pytorch, to_pytorch
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.nn.language_model import LanguageModel

pytestmark = pytest.mark.filterwarnings("error")

CASES = goldens("networks")
CELLS: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru", "reset_after": True},
    "rnn": {"cell": "rnn"},
}
D, H, V = 3, 4, 5
backends = pytest.mark.parametrize("backend", available_backends())
stacks = pytest.mark.parametrize("name", [f"{cell}{both}" for cell in CELLS for both in ("", " both ways")])


def case(name: str) -> Golden:
    """With every given float as float64, which changes none."""
    found = CASES[name]
    wide = {name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in found.given.items()}
    return Golden(found.settings, wide, found.expected)


def state_dict(golden: Golden, part: str = "") -> Arrays:
    prefix = f"weights.{part}"
    return {name.removeprefix(prefix): array for name, array in golden.given.items() if name.startswith(prefix)}


def loaded(model: Any, golden: Golden, part: str = "", backend: str | None = None) -> Any:
    model.build(dtype="float64", backend=backend)
    model.parameters[...] = np.nan
    load_pytorch(model, state_dict(golden, part))
    return model


def stack(name: str) -> nn.Recurrent:
    cell, _, both = name.partition(" ")
    return nn.Recurrent(**CELLS[cell], input_size=D, hidden_size=H, num_layers=2, bidirectional=bool(both))


def check_gradients(model: Any, golden: Golden, part: str = "") -> None:
    """In PyTorch's layout. Where each of its two biases has the gradient of our one, ours is the first."""
    gradients = copy.deepcopy(model)
    gradients.parameters[...] = model.gradient
    in_its_layout = to_pytorch(gradients)
    assert {f"dweights.{part}{name}" for name in in_its_layout} == {n for n in golden.expected if "weights." in n}
    for name, gradient in in_its_layout.items():
        expected = golden.expected[f"dweights.{part}{name}"]
        if "bias_hh" in name:
            rows = slice(2 * H, None) if len(gradient) == 3 * H else slice(0)
            gradient, expected = gradient[rows], expected[rows]
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12, err_msg=name)


def check(results: dict[str, Any], golden: Golden) -> None:
    assert set(results) == {name for name in golden.expected if "weights." not in name}
    for name, array in results.items():
        np.testing.assert_allclose(array, golden.expected[name], rtol=0, atol=1e-12, err_msg=name)


# ------------------------------------------------------------------------------------------------ parts


@backends
@stacks
def test_stacked_layers(backend: str, name: str) -> None:
    """Outputs, final states and every gradient, from states that are not 0, each sequence to its end."""
    golden = case(name)
    given, rnn = golden.given, loaded(stack(name), golden, "rnn.", backend)
    output = rnn.forward(given["x"], given["lengths"], given["state"])
    final = rnn.final_state
    dx = rnn.backward(given["dout"], given["dfinal"])
    check({"output": output, "final": final, "dx": dx, "dstate": rnn.dstate}, golden)
    check_gradients(rnn, golden, "rnn.")


def test_parts_without_recurrence() -> None:
    parts: dict[str, Any] = {
        "linear": nn.Linear(D, 2), "embedding": nn.Embedding(V, 2), "layer norm": nn.LayerNorm(D),
        "attention": nn.Attention(D),
    }  # fmt: skip
    for name, part in parts.items():
        golden = case(name)
        given, part = golden.given, loaded(part, golden, "part.")
        lengths = (given["lengths"],) if name == "attention" else ()
        results = {"output": part.forward(given["x"], *lengths)}
        dx = part.backward(given["dout"])
        if name == "attention":
            results["alpha"] = part.alpha
        check(results | ({} if name == "embedding" else {"dx": dx}), golden)
        check_gradients(part, golden, "part.")


def test_losses() -> None:
    for name, function in (("cross-entropy", nn.cross_entropy), ("mean squared error", nn.mean_squared_error)):
        golden = case(name)
        loss, gradient = function(golden.given["x"], golden.given["targets"])
        check({"loss": loss, "dx": gradient}, golden)
    assert (case("cross-entropy").given["targets"] == -1).any()


# --------------------------------------------------------------------------------------------- networks


class DeepClassifier(nn.Model):
    """Three layers, and the final states normalized before the output: put together by hand."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(V, 2)
        self.rnn = nn.Recurrent("lstm", 2, H, num_layers=3, bidirectional=True)
        self.pooling = nn.Last(bidirectional=True)
        self.norm = nn.LayerNorm(2 * H)
        self.output = nn.Linear(2 * H, 3)

    def forward(self, inputs: Any, lengths: Any = None) -> np.ndarray:
        states = self.rnn.forward(self.embedding.forward(inputs), lengths)
        return self.output.forward(self.norm.forward(self.pooling.forward(states, lengths)))

    def backward(self, dout: np.ndarray) -> None:
        dpooled = self.norm.backward(self.output.backward(dout))
        self.embedding.backward(self.rnn.backward(self.pooling.backward(dpooled)))  # type: ignore[arg-type]


BOTH: dict[str, Any] = {"embedding_size": 2, "bidirectional": True}


@backends
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("classifier", lambda: nn.Classifier(V, H, 3, num_layers=2, **BOTH)),
        ("classifier with attention", lambda: nn.Classifier(V, H, 3, pooling="attention", **BOTH)),
        ("deep classifier", DeepClassifier),
        ("tagger", lambda: nn.Tagger(V, H, 3, cell="gru", reset_after=True, **BOTH)),
        ("sequence to sequence", lambda: nn.Seq2Seq(V, V, H, end=2, start=4, embedding_size=2, num_layers=2)),
    ],
)
def test_networks(backend: str, name: str, model: Any) -> None:
    """Outputs, loss and every gradient, targets of −1 not counted."""
    golden = case(name)
    network = loaded(model(), golden, backend=backend)
    inputs, lengths, targets = (golden.given[key] for key in ("inputs", "lengths", "targets"))
    output = network.forward(inputs, lengths, *([targets] if isinstance(network, nn.Seq2Seq) else []))
    check({"output": output, "loss": network.loss_and_gradient(inputs, lengths, targets)}, golden)
    check_gradients(network, golden)


# ------------------------------------------------------------------------------------------- conversion


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_language_model_from_pytorch(cell: str, dtype: str) -> None:
    golden = case(f"language model, {cell}")
    model = LanguageModel(ModelConfig(V, H, V, num_layers=2, dtype=dtype, **CELLS[cell]))
    load_pytorch(model, state_dict(golden))
    bound = 1e-6 if dtype == "float32" else 1e-14
    probabilities = model.probabilities(golden.given["symbols"])
    np.testing.assert_allclose(probabilities, golden.expected["probabilities"], rtol=0, atol=bound)


@stacks
def test_what_came_in_goes_out(name: str) -> None:
    """The same weights; of two biases the sum, but those of a GRU's candidate apart."""
    golden = case(name)
    theirs, ours = state_dict(golden, "rnn."), to_pytorch(loaded(stack(name), golden, "rnn."))
    assert set(ours) == set(theirs)
    for key, array in theirs.items():
        if key.startswith("weight"):
            np.testing.assert_array_equal(ours[key], array)
        elif key.startswith("bias_ih"):
            second, apart = key.replace("ih", "hh"), 2 * H if name.startswith("gru") else None
            total = array + theirs[second]
            np.testing.assert_array_equal((ours[key] + ours[second])[:apart], total[:apart])
            if apart:
                np.testing.assert_array_equal(ours[key][apart:], array[apart:])
                np.testing.assert_array_equal(ours[second][apart:], theirs[second][apart:])


def test_a_state_dict_in_a_file(tmp_path: Path) -> None:
    """Written from PyTorch in float32, for a network in float64; and back into a file."""
    golden, rnn = case("lstm both ways"), stack("lstm both ways").build(dtype="float64")
    load_pytorch(rnn, HERE / "state_dict.safetensors")
    output = rnn.forward(golden.given["x"], golden.given["lengths"], golden.given["state"])
    np.testing.assert_allclose(output, golden.expected["output"], rtol=0, atol=1e-12)
    save_pytorch(rnn, tmp_path / "ours.safetensors")
    for name, array in load_file(tmp_path / "ours.safetensors").items():
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, to_pytorch(rnn)[name])
