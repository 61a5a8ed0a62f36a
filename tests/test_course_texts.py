"""What the course texts that the project grew from ask for has a command or a call, under the texts' own titles."""

from __future__ import annotations

import datetime
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from lstm_ext import (
    LSTM,
    LanguageModel,
    ModelConfig,
    OptimizerConfig,
    Trainer,
    TrainerConfig,
    gru_forward,
    load_text,
    lstm_forward,
    nn,
)
from lstm_ext.experiments import NAMES, load, run
from lstm_ext.experiments.charts import Bar, BarChart, Curve, LineChart, save_charts
from lstm_ext.tasks import characters, dates, entities, pairs, reversal, sentiment, series
from lstm_ext.tasks.first_character import FirstCharacter
from lstm_ext.visualization import (
    analyze_gate_patterns,
    plot_cell_state_evolution,
    plot_gate_activations,
    plot_gradient_flow_comparison,
)
from lstm_lab.cli.options import Parser

EXPERIMENTS = Path(__file__).parent.parent / "docs" / "experiments"
COMMANDS = {
    "Exercises: Understanding LSTM Networks": """
        train --data hello
        train --data abc
        train --data hamlet --peephole
        train --data tunes.abc --num-layers 2
        step hello --backward
        experiment optimizers
        experiment ablation
        experiment memory
        experiment lstm-vs-gru
        experiment depth
        doctor
    """,
    "Tutorial 13: Recurrent Neural Networks": """
        train --data hamlet --clip-norm 5
        experiment gradient-flow
    """,
    "Day 14: LSTM and GRU Networks": """
        train --data hamlet --cell rnn
        experiment baselines
        experiment classics
        experiment dropout
        experiment forecast --data weather.csv
        experiment ner --data train.conll
        experiment sentiment
        experiment seq2seq
    """,
    "Day 2: Understanding LSTM Networks": """
        step hello --hidden-size 10
        train --data hamlet --hidden-size 64 --seq-length 25 --batch-size 1 --lr 0.001 --steps 1000
        generate --checkpoint m.safetensors --temperature 0.7 --length 150
        experiment temperature
    """,
    "LSTM Cheatsheet": """
        train --data book.txt --epochs 2 --hidden-size 128 --seq-length 50 --lr 0.001
        generate --checkpoint m.safetensors --length 500 --temperature 0.8
    """,
}
LINES = [line.strip() for lines in COMMANDS.values() for line in lines.strip().splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_the_command_is_understood(line: str) -> None:
    name, *arguments = shlex.split(line)
    parser = Parser(prog=name, description=None)
    import_module(f"lstm_lab.cli.commands.{name}").add_arguments(parser)
    parsed = parser.parse_args(arguments)
    assert name != "experiment" or parsed.name in NAMES


def test_every_experiment_has_a_page_with_a_figure() -> None:
    index = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"| [{name}]({name}.md) | {load(name).question} |" in index
        assert f"![figure]({name}.svg)" in (EXPERIMENTS / f"{name}.md").read_text(encoding="utf-8")
        assert (EXPERIMENTS / f"{name}.svg").exists()


def test_the_textbooks_class_learns_hello() -> None:
    alphabet, (inputs, _, targets) = characters.word_windows("hello")
    lstm = LSTM(len(alphabet), 16, len(alphabet), seed=0)
    losses = []
    for _ in range(300):
        losses.append(lstm.forward(inputs[:, 0], targets[:, 0], np.zeros(16), np.zeros(16)))
        lstm.backward()
        lstm.update_weights(0.01)
    assert losses[0] == pytest.approx(np.log(4), abs=0.5) and losses[-1] < 0.1


def test_gates_and_cells_of_a_pattern_as_pictures_and_numbers(tmp_path: Path) -> None:
    text = characters.pattern_text("abc", 300)
    model = LanguageModel(ModelConfig(3, 16, 3))
    Trainer(model, text, TrainerConfig(lr=0.01, batch_size=4, seq_length=25)).run(steps=150)
    gates = model.trace(text.symbols[:12]).values(0)
    plot_gate_activations({name: gates[name] for name in "ifo"}, "abcabcabcabc", path=tmp_path / "gates.png")
    plot_cell_state_evolution(gates["c"], "abcabcabcabc")
    assert (tmp_path / "gates.png").exists()
    assert analyze_gate_patterns({name: gates[name] for name in "ifo"}, "abcabcabcabc")


def test_one_cell_over_twenty_steps_and_its_mean_gates() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((20, 1, 10)), rng.standard_normal((4 * 20, 30))
    _, _, cache = lstm_forward(x, None, None, W, np.zeros(4 * 20), peephole=rng.standard_normal((3, 20)))
    assert all(cache[gate].mean(axis=(1, 2)).shape == (20,) for gate in "ifo")


def test_a_gru_cell_over_twenty_steps_and_its_mean_gates() -> None:
    rng = np.random.default_rng(0)
    _, cache = gru_forward(rng.standard_normal((20, 1, 10)), None, np.zeros((3 * 32, 42)), np.zeros(3 * 32))
    assert all((cache[gate] == 0.5).all() for gate in "rz")  # without weights every gate stands half open


@pytest.mark.parametrize("filler", ["blank", "noise", "same"])
def test_the_first_character_is_asked_for_after_any_distance(filler: str) -> None:
    for distance in (5, 100):
        inputs, _, targets = FirstCharacter(distance=distance, filler=filler).batch(np.random.default_rng(0), 32)
        assert len(inputs) == distance + 2
        np.testing.assert_array_equal(targets[-1], inputs[0])


def test_a_bidirectional_tagger_with_standard_and_variational_dropout_reads_names() -> None:
    sentences = entities.EntityCorpus().sentences(np.random.default_rng(0), 50)
    coder = entities.Coder(sentences)
    tagger = nn.Tagger(
        len(coder.words), 32, len(coder.tags), embedding_size=32, bidirectional=True, dropout=0.3, recurrent_dropout=0.3
    ).build(seed=0)
    batch = coder.encode(sentences)
    losses = nn.fit(tagger, [batch] * 20, nn.Optimizer(tagger, lr=0.01)).losses
    assert losses[-1] < losses[0] / 2
    assert [len(tags) for tags in coder.decode(tagger.predict(batch.inputs, batch.lengths))] == batch.lengths.tolist()


def test_gradients_are_clipped_by_value_and_by_their_global_norm() -> None:
    linear = nn.Linear(2, 2).build(dtype="float64")
    before = linear.parameters.copy()
    linear.gradient[...] = [3, -3, 0.1, 0.1, 0, 0]  # by value: 1, −1, 0.1, 0.1; the norm of that is √2.02
    nn.Optimizer(linear, OptimizerConfig("sgd", clip_value=1.0, clip_norm=0.5), lr=1.0).step()
    moved = before - linear.parameters
    np.testing.assert_allclose(moved, np.array([1, -1, 0.1, 0.1, 0, 0]) * 0.5 / np.sqrt(2.02))


def test_a_sequence_is_turned_into_another_one() -> None:
    rng, task = np.random.default_rng(0), reversal.Reversal(longest=4)
    network = nn.Seq2Seq(task.source_size, task.target_size, 32, end=pairs.END, embedding_size=16).build(seed=0)
    losses = nn.fit(network, (task.batch(rng, 32) for _ in range(60)), nn.Optimizer(network, lr=0.01)).losses
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    question = dates.Dates().batch(rng, 1)
    iso = dates.target_text(question.targets[:, 0])
    assert datetime.date.fromisoformat(iso).strftime("%Y") in dates.source_text(question.inputs[:, 0])


def test_a_gate_as_a_switch_can_be_drawn(tmp_path: Path) -> None:
    x, information, gate = np.linspace(-6, 6, 100), [0.8, -0.5, 0.3], [0.9, 0.1, 0.8]
    passed = [Bar(f"{i} × {g}", abs(i * g), abs(i * g), abs(i * g)) for i, g in zip(information, gate, strict=True)]
    switch = LineChart("σ", "input", [Curve("σ", x, 1 / (1 + np.exp(-x)))])
    save_charts([switch, BarChart("how much of the information passes", passed)], tmp_path / "gating.svg")
    assert "how much of the information passes" in (tmp_path / "gating.svg").read_text()


def test_sine_waves_are_forecast() -> None:
    rng, waves = np.random.default_rng(0), series.SineWaves(past=50, future=10)
    forecaster = nn.DirectForecaster(1, 32, horizon=10).build(seed=0)
    losses = nn.fit(forecaster, (waves.batch(rng, 32) for _ in range(60)), nn.Optimizer(forecaster, lr=0.01)).losses
    baselines = series.forecast_baselines(waves.batch(rng, 1000), waves.batch(rng, 1000))
    assert np.mean(losses[-5:]) < max(baselines.values())
    assert forecaster.forecast(waves.batch(rng, 3).inputs).shape == (10, 3, 1)


def test_random_windows_of_a_text_each_from_a_zero_state() -> None:
    rng, hamlet = np.random.default_rng(0), load_text("hamlet")
    network = nn.Tagger(len(hamlet.vocabulary), 64, len(hamlet.vocabulary)).build(seed=0)
    windows = (characters.random_windows(hamlet.symbols, 25, rng, 1) for _ in range(200))
    losses = nn.fit(network, windows, nn.Optimizer(network, lr=0.01)).losses
    assert np.mean(losses[-20:]) < 0.85 * np.log(len(hamlet.vocabulary))


def test_attention_weights_of_a_sentence() -> None:
    reviews = sentiment.NegatedReviews().batch(np.random.default_rng(0), 5)
    network = nn.Classifier(len(sentiment.WORDS), 16, 2, embedding_size=8, bidirectional=True, pooling="attention")
    network.build(seed=0).predict(reviews.inputs, reviews.lengths)
    words = sentiment.sentences(reviews)[0]
    weights = network.attention_weights[: len(words), 0]
    assert weights.min() > 0 and weights.sum() == pytest.approx(1)


def test_gradients_through_time_are_compared(tmp_path: Path) -> None:
    results = run(load("gradient-flow"), seeds=[0], quick=True)
    kept = {label: results.spreads(label, "dh")[0] for label in ("LSTM b_f = 1", "RNN")}
    plot_gradient_flow_comparison(kept["LSTM b_f = 1"], kept["RNN"], path=tmp_path / "flow.png")
    assert (tmp_path / "flow.png").exists()


def test_the_notebooks_networks_have_the_parameters_that_paper_gives() -> None:
    """Embedding + cell + output: for an LSTM 4·(256·(256 + 128) + 256), two biases in one."""
    around = 10_000 * 128 + 256 * 2 + 2
    for cell, blocks in (("rnn", 1), ("gru", 3), ("lstm", 4)):
        network = nn.Classifier(10_000, 256, 2, cell=cell, embedding_size=128)
        assert network.num_parameters == around + blocks * (256 * (256 + 128) + 256)
    both = nn.Classifier(10_000, 256, 2, bidirectional=True, embedding_size=128)
    assert both.num_parameters == around + 2 * 256 + 2 * 4 * (256 * (256 + 128) + 256)
    deep = nn.Classifier(30, 64, 2, embedding_size=32, num_layers=3, bidirectional=True, dropout=0.3, layer_norm=True)
    assert deep.build(seed=0).forward(np.zeros((50, 4), np.int32)).shape == (4, 2)
