"""``lstm-lab step --update`` and ``--code``: the numbers of the update and of both engines, as text and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from lstm_ext.cells import CELLS
from lstm_ext.data import Text
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.engines import both
from lstm_ext.explain.update import LEARNING_RATE, learn
from lstm_ext.explain.walk import spelling_model, walk
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.trainer import Trainer
from lstm_lab.cli.main import main
from lstm_lab.text.formulas import format_number
from lstm_lab.text.step import weight_name


def test_n_updates_are_made_and_the_last_one_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--update", "5", "--lr", "2", "--unit", "1"]) == 0
    out = capsys.readouterr().out
    model, vocabulary = spelling_model("hello")
    losses = learn(model, "hello", vocabulary, [2.0] * 4)
    walked = walk(model, "hello", vocabulary, learning_rate=2.0)
    shown = [*losses, walked.loss, walked.updated.loss_after]
    assert "losses, update by update: " + "  ".join(map(format_number, shown)) in " ".join(out.split("\n"))
    assert f"loss {format_number(walked.loss)} before, {format_number(walked.updated.loss_after)} after" in out
    section = out[out.index("━━ update 5 ━") :]
    for change in walked.updated.changes(1):
        numbers = [format_number(n) for n in (change.old, change.step, change.new)]
        line = next(line for line in section.split("\n") if line.startswith(weight_name(walked, change) + " "))
        assert line.split()[-3:] == numbers
    assert f"'l' after 'e': {100 * walked.updated.odds[1]:.3g} % before" in out


def test_json_has_losses_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--update", "3", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["update"]
    model, vocabulary = spelling_model("hello")
    losses = learn(model, "hello", vocabulary, [LEARNING_RATE] * 4)
    assert data["losses"] == pytest.approx(losses, abs=1e-12)
    assert data["learning_rate"] == LEARNING_RATE
    for weight in data["weights"]:
        assert weight["new"] == pytest.approx(weight["old"] - weight["step"], abs=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_no_line_is_wider_than_80_columns_and_all_is_ascii(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--cell", cell, "--update", "2", "--code", "--backward", "--ascii"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert max(map(cell_len, lines)) <= 80
    assert all(line.isascii() and line == line.rstrip() and "\\u" not in line.split("#")[0] for line in lines)


@pytest.mark.skipif("c" not in available_backends(), reason="needs the C core")
def test_code_has_the_lines_and_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--code"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert re.search(r"csrc/kernel/lstm\.inc\.c:\d+: vec f = vsigmoid\(af\);", text)
    assert re.search(r"lstm_ext/cells/lstm\.py:\d+: sigmoid\(a\[:, :2\]", text)
    model, vocabulary = spelling_model("hello")
    walked = walk(model, "hello", vocabulary)
    pair = both(walked)
    index = next(k for k, m in enumerate(walked.moments) if m.stage.id == "c")
    core, twin = pair.numbers(index, 0)
    assert core is not None and twin is not None
    assert f"core {core:.17g}, twin {twin:.17g}, core - twin = {core - twin:.1e}" in text
    assert main(["step", "hello", "--code", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["core_minus_twin"] == pair.difference < 1e-12
    assert data["code"]["f"][0]["text"] == "vec f = vsigmoid(af);"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hello", "--lr", "2"], "--lr: it is that of --update"),
        (["hello", "--update", "0"], "expected a whole number of at least 1"),
        (["hello", "--update", "2", "--lr", "-1"], "expected a finite number above 0"),
        (["hello", "--update", "2", "--against", "my.py"], "leave out --update"),
        (["hello", "--code", "--against", "my.py"], "leave out --code"),
    ],
)
def test_bad_input_gets_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", *arguments]) == 2
    printed = capsys.readouterr()
    assert not printed.out and printed.err.count("\n") == 1 and message in printed.err


def test_of_a_checkpoint_the_most_telling_unit_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Text.from_string("she sells sea shells. " * 30)
    size = len(text.vocabulary)
    trainer = Trainer(
        LanguageModel(ModelConfig(size, 12, size), seed=3), text, TrainerConfig(seq_length=10, batch_size=2)
    )
    trainer.run(steps=20)
    path = str(tmp_path / "shells.safetensors")
    trainer.save(path)
    order = walk(trainer.best_model(), "shell", text.vocabulary).telling
    assert order != sorted(order)
    assert main(["step", "shell", "--checkpoint", path]) == 0
    out = capsys.readouterr().out
    assert f"filled in for unit {order[0]}; the columns are units {order[0]}, {order[1]}, {order[2]} of 12" in " ".join(
        out.split()
    )
    assert f">unit {order[0]} " in out
    assert main(["step", "shell", "--checkpoint", path, "--unit", str(order[5]), "--update", "2"]) == 0
    assert f">unit {order[5]}" in capsys.readouterr().out
