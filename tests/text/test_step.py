"""``lstm-lab step``: its text has the walk's numbers, fits into 80 columns, and needs no more than ASCII if asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from lstm_ext.cells import CELLS
from lstm_ext.data import Text
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.walk import Walk, spelling_model, walk
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.cli.main import main
from lstm_lab.text import formulas
from lstm_lab.text.formulas import format_number
from lstm_lab.text.step import likeliest, render

NETWORKS = [*({"cell": name} for name in CELLS), {"cell": "gru", "reset_after": True}]


def walked(text: str = "hello", **options: object) -> Walk:
    model, vocabulary = spelling_model(text, **options)  # type: ignore[arg-type]
    return walk(model, text, vocabulary)


def sections(lines: list[str]) -> dict[str, list[str]]:
    """The lines under each title."""
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line in lines:
        if match := re.match(r"(?:━━|==) (.*?) [━=]", line):
            title = match[1]
            found[title] = []
        else:
            found[title].append(line)
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_every_stage_stands_there_with_the_values_of_all_units(network: dict[str, object]) -> None:
    walk_ = walked(**network)
    parts = sections(list(render(walk_, unit=1, backward=True)))
    for moment in walk_.moments:
        if moment.phase == "update":
            continue
        read, wanted = (repr(walk_.vocabulary.symbols[s]) for s in (moment.step.symbol, moment.step.target))
        way = "reads" if moment.phase == "forward" else "backward:"
        section = parts[f"{moment.step.t} of 4 {way} {read}, next should be {wanted}"]
        symbol = formulas.equation(moment).partition(" = ")[0]
        start = next(k for k, line in enumerate(section) if line.startswith(moment.stage.name.ljust(16) + symbol))
        text = " ".join(section[start : start + 4])
        if moment.stage.axis == "unit":
            assert " ".join(format_number(float(value)) for value in moment.values) in " ".join(text.split())
        if filled := formulas.filled(moment, 1):
            assert filled in " ".join(text.split())


def test_probabilities_are_bars_and_the_target_is_marked() -> None:
    walk_ = walked(trained=True)
    section = sections(list(render(walk_)))["4 of 4 reads 'l', next should be 'o'"]
    p = walk_.steps[3].values["p"]
    for symbol, letter in enumerate("ehlo"):
        line = next(line for line in section if line.strip().startswith(repr(letter)))
        assert line.split()[1] == format_number(float(p[symbol]))
        assert ("target" in line) == (letter == "o")
        assert line.count("━") == int(p[symbol] * 24 + 0.25)


def test_meanings_are_told_at_the_first_character_of_each_way() -> None:
    walk_ = walked()
    parts = sections(list(render(walk_, unit=2, backward=True)))
    gate = next(moment for moment in walk_.moments if moment.stage.id == "f" and moment.step.t == 1)
    told = [title for title, lines in parts.items() if "The share of the memory that stays" in " ".join(lines)]
    assert told == ["1 of 4 reads 'h', next should be 'e'"]
    words = " ".join(" ".join(parts[told[0]]).split())
    assert formulas.meaning(gate, 2) in words
    back = [title for title, lines in parts.items() if "The gate multiplied the old memory" in " ".join(lines)]
    assert back == ["4 of 4 backward: 'l', next should be 'o'"]


def test_the_gradient_at_the_end_is_that_of_the_walk() -> None:
    walk_ = walked(seed=5)
    text = " ".join(
        " ".join(sections(list(render(walk_, backward=True)))["the gradient: all characters together"]).split()
    )
    for name, size in zip(walk_.arrays, walk_.update.values["total"], strict=True):
        assert f"{name} {format_number(float(size))}" in text
    assert f"= {format_number(float(walk_.update.values['norm'][0]))}" in text
    assert "differs by" in text


def test_forward_alone_has_no_gradients() -> None:
    text = "\n".join(render(walked()))
    assert "backward" not in text and "dW" not in text and "loss = mean of 4 characters" in text


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize(
    ("text", "size", "unit"), [("hello", 3, 0), ("日本日\tü\n", 1, 0), ("to be or not to be, " * 6, 12, 11)]
)
def test_no_line_is_wider_than_80_columns(
    network: dict[str, object], ascii_only: bool, text: str, size: int, unit: int
) -> None:
    lines = list(render(walked(text, hidden_size=size, **network), unit=unit, backward=True, ascii_only=ascii_only))
    assert max(map(cell_len, lines)) <= 80
    assert not any(line != line.rstrip() or "\n" in line or "\x1b" in line for line in lines)
    if ascii_only:
        assert all(line.isascii() for line in lines)
        assert any("sigmoid" in line or "tanh" in line for line in lines)


def test_columns_are_the_units_around_the_chosen_one() -> None:
    lines = list(render(walked(hidden_size=8), unit=5))
    assert any(line.endswith("unit 4  >unit 5   unit 6") for line in lines)
    assert any(line.endswith(">unit 0   unit 1   unit 2") for line in render(walked(hidden_size=8), unit=0))
    assert any(line.endswith("unit 5   unit 6  >unit 7") for line in render(walked(hidden_size=8), unit=7))


def test_the_command_prints_the_walk(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--backward", "--unit", "1", "--seed", "4", "--backend", "numpy"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == list(render(walked(seed=4, backend="numpy"), unit=1, backward=True))
    assert "by the NumPy twin" in printed.out and not printed.err


def test_the_command_trains_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "abba", "--cell", "gru", "--reset-after", "--hidden-size", "5", "--trained", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    expected = walked("abba", cell="gru", reset_after=True, hidden_size=5, trained=True)
    assert data["weights"] == "trained on this text"
    assert data["loss"] == pytest.approx(expected.loss, abs=1e-12) and data["loss"] < 0.1
    assert data["steps"][1]["values"]["z"] == pytest.approx(expected.steps[1].values["z"].tolist(), abs=1e-12)
    assert (data["cell"], data["reset_after"], data["hidden_size"]) == ("gru", True, 5)


def test_a_checkpoint_brings_its_network_and_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Text.from_string("she sells sea shells. " * 30)
    size = len(text.vocabulary)
    model = LanguageModel(ModelConfig(size, 6, size, num_layers=2, peephole=True), seed=3)
    trainer = Trainer(model, text, TrainerConfig(seq_length=10, batch_size=2))
    trainer.run(steps=20)
    path = str(tmp_path / "shells.safetensors")
    trainer.save(path)

    assert main(["step", "shell", "--checkpoint", path, "--backward", "--unit", "5"]) == 0
    printed = capsys.readouterr().out
    assert "LSTM, 6 units, peephole, the last of 2 layers" in printed and "(step 20)" in " ".join(printed.split())
    assert "x₁ = h₁ of the layer below" in printed and "p_f⊙C₀" in printed
    update = walk(trainer.best_model(), "shell", text.vocabulary).update
    assert f"layer 1 {format_number(float(update.values['total'][0]))}" in " ".join(printed.split())

    assert main(["step", "shallow", "--checkpoint", path]) == 1
    assert "'o'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["h"], "TEXT: got 'h', expected at least 2 characters"),
        (["hello", "--unit", "3"], "--unit: got 3, expected 0 to 2"),
        (["hello", "--unit", "-1"], "expected a whole number of at least 0"),
        (["hello", "--hidden-size", "x"], "--hidden-size"),
        (["hello", "--cell", "rnn", "--reset-after"], "reset_after"),
        (["hello", "--checkpoint", "none.safetensors"], "none.safetensors"),
        (["hello", "--checkpoint", "some.safetensors", "--cell", "gru"], "--cell: a checkpoint brings its own network"),
    ],
)
def test_bad_input_gets_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", *arguments]) in (1, 2)
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.count("\n") == 1 and message in printed.err


def test_the_likeliest_symbols_include_the_target() -> None:
    values = np.array([0.1, 0.4, 0.0, 0.3, 0.2])
    assert likeliest(values, 2, 3) == [1, 2, 3]
    assert likeliest(values, 1, 2) == [1, 3]
    assert likeliest(values, 2, 9) == [0, 1, 2, 3, 4]
