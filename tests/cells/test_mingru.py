"""minGRU beyond what every cell is tested for: the paper's equations unrolled, and what follows from its having no
recurrent weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstm_ext import LanguageModel, ModelConfig, nn
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.conversion import to_keras, to_pytorch
from lstm_ext.engine.interface import EngineModule
from lstm_ext.explain.walk import spelling_model, walk
from lstm_ext.nn.initialization import initialize_layer
from lstm_ext.nn.numerics import relative_error
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.visualization import analyze_gate_patterns, plot_gate_activations
from lstm_lab.cli.main import main

T, B, D, H = 9, 3, 5, 7
CONFIG = LayerConfig("mingru", D, H)


def test_its_weights_meet_the_input_alone() -> None:
    assert CONFIG.parameter_shapes() == {"Wt": (D, 2 * H), "b": (2 * H,)}
    assert ModelConfig(D, H, D, cell="mingru", num_layers=2).num_parameters == (
        (D + 1) * 2 * H + (H + 1) * 2 * H + (H + 1) * D
    )


def test_the_state_is_a_weighted_sum_of_all_candidates(engine: EngineModule) -> None:
    """h_t = h_0·∏(1−z) + Σ_k z_k·n_k·∏_{j>k}(1−z_j), without any recurrence; a recurrent mask has nothing to mask."""
    rng = np.random.default_rng(0)
    weights = Weights(rng.normal(size=(D, 2 * H)), rng.normal(size=2 * H))
    x, h0 = rng.normal(size=(T, B, D)), rng.normal(size=(1, B, H))
    a = x @ weights.Wt + weights.b
    z, n = 1 / (1 + np.exp(-a[:, :, :H])), a[:, :, H:]
    for mask in (None, np.zeros((B, H))):
        acts = engine.layer_forward(CONFIG, weights, x, h0, recurrent_mask=mask)
        for t in range(T):
            kept = [np.prod(1 - z[k : t + 1], axis=0) for k in range(t + 2)]
            expected = h0[0] * kept[0] + sum(z[k] * n[k] * kept[k + 1] for k in range(t + 1))
            np.testing.assert_allclose(acts.output[t], expected, rtol=1e-12)
        np.testing.assert_allclose(acts.blocks["n"], n, rtol=1e-12)
        assert np.abs(n).max() > 2 and acts.extra is None


def test_the_gradient_of_the_state_is_the_product_of_what_was_kept(engine: EngineModule) -> None:
    rng = np.random.default_rng(1)
    weights = Weights(rng.normal(size=(D, 2 * H)), rng.normal(size=2 * H))
    acts = engine.layer_forward(CONFIG, weights, rng.normal(size=(T, B, D)), rng.normal(size=(1, B, H)))
    dfinal = rng.normal(size=(1, B, H))
    dstate = engine.layer_backward(weights, acts, np.zeros((T, B, H)), dfinal).dstate
    assert relative_error(dstate[0], dfinal[0] * np.prod(1 - acts.blocks["z"], axis=0)) < 1e-12


def test_chrono_starts_with_gates_that_are_nearly_closed() -> None:
    config = LayerConfig("mingru", D, 2000)
    parameters = {name: np.empty(shape) for name, shape in config.parameter_shapes().items()}
    initialize_layer(config, parameters, np.random.default_rng(0), "chrono:100")
    b_z, b_n = parameters["b"].reshape(2, -1)
    assert not b_n.any()
    np.testing.assert_allclose([b_z.min(), b_z.max()], [-np.log(99), 0], atol=0.05)
    assert np.exp(-b_z).mean() == pytest.approx(50, rel=0.05)


def test_orthogonal_has_no_recurrent_part_to_make_so() -> None:
    parameters = {name: np.full(shape, np.nan) for name, shape in CONFIG.parameter_shapes().items()}
    initialize_layer(CONFIG, parameters, np.random.default_rng(0), "orthogonal")
    assert np.abs(parameters["Wt"]).max() <= np.sqrt(6 / (D + H))


def test_neither_pytorch_nor_keras_has_it() -> None:
    model = nn.Recurrent("mingru", D, H).build()
    for framework, convert in (("PyTorch", to_pytorch), ("Keras", to_keras)):
        with pytest.raises(ValueError, match=f"got a minGRU, expected a cell that {framework} has: it has no minGRU"):
            convert(model)


def test_only_the_gates_are_bounded() -> None:
    """The walk knows, and so do plots: a candidate of 3 is no mistake."""
    model, vocabulary = spelling_model("hello", cell="mingru")
    spans = {moment.stage.id: moment.stage.span for moment in walk(model, "hello", vocabulary).moments}
    assert (spans["z"], spans["n"], spans["h"], spans["h_prev"]) == ("gate", "free", "free", "free")
    gates = {"z": [[0.5]], "n": [[3.0]]}
    plot_gate_activations(gates, "a")
    assert analyze_gate_patterns(gates, "a")["n"]["mean"] == 3


def test_no_weights_of_the_state_are_on_the_walk() -> None:
    model, vocabulary = spelling_model("hello", cell="mingru", hidden_size=4)
    walked = walk(model, "hello", vocabulary)
    assert set(walked.matrices) == {name + t for name in ("W_y", "W_zx", "W_nx") for t in ("", ".T")}
    rows = walked.weight_rows(walked.steps[1], 2)
    assert [(row.weights, row.recurrent) for row in rows] == [("W_z", None), ("W_n", None)]
    assert walked.difference < 1e-12


def test_a_run_is_kept_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "m.safetensors")
    arguments = ["train", "--data", "hello", "--cell", "mingru", "--hidden-size", "16", "--checkpoint", path, "--quiet"]
    assert main([*arguments, "--steps", "60"]) == 0
    assert main([*arguments, "--steps", "120", "--resume"]) == 0
    checkpoint = load_checkpoint(path)
    model = checkpoint.model()
    assert isinstance(model, LanguageModel) and (model.config.cell, checkpoint.state.step) == ("mingru", 120)
    assert main(["generate", "--checkpoint", path, "--length", "12", "--prime", "h", "--temperature", "0"]) == 0
    assert "hello" in capsys.readouterr().out
    assert main(["step", "hello", "--checkpoint", path, "--backward"]) == 0
    assert "dhₜ₋₁".replace("ₜ₋₁", "₁") + " = dh₂⊙(1 - z₂)" in capsys.readouterr().out
