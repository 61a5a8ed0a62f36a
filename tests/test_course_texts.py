"""What the course texts that the project grew from ask for has a command or a call, under the texts' own titles."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from lstm_ext import LSTM, LanguageModel, ModelConfig, Trainer, TrainerConfig, lstm_forward, nn
from lstm_ext.experiments import NAMES, load, run
from lstm_ext.tasks import characters
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


def test_every_experiment_is_asked_for_and_has_a_page_with_a_figure() -> None:
    index = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert any(line.startswith(f"experiment {name}") for line in LINES)
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
    deep = nn.Classifier(30, 64, 2, embedding_size=32, num_layers=3, bidirectional=True, dropout=0.3, layer_norm=True)
    assert deep.build(seed=0).forward(np.zeros((50, 4), np.int32)).shape == (4, 2)
