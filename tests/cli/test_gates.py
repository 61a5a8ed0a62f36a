"""lstm-lab gates."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli.program import SMALL, Run, one_line

from lstm_ext.explain.reading import read
from lstm_lab.cli.checkpoints import load_network


@pytest.fixture
def words(run: Run, text: Path) -> str:
    assert run("train", "--data", text, *SMALL, "--num-layers", 2, "--steps", 30, "--quiet")[0] == 0
    return "words-lstm.safetensors"


def test_the_table_has_the_figures_of_every_unit(run: Run, trained: Path) -> None:
    status, out, err = run("gates", "--checkpoint", trained, "--text", "hello hello", "--gate", "forget")
    assert (status, err) == (0, "")
    network = load_network(str(trained), backend=None)
    units = read(network.model, network.vocabulary.encode("hello hello"), network.vocabulary).units(0, "f")
    assert units.half_life is not None
    lines = out.splitlines()
    assert "forget gate of layer 1, 16 units by number" in out
    rows = [line.split() for line in lines if line.split() and line.split()[0].isdigit()]
    assert [int(cells[0]) for cells in rows] == list(range(16))
    for unit, cells in enumerate(rows):
        assert cells[1] == f"{units.values[:, unit].mean():.3f}"
        assert cells[3:5] == [f"{share[unit]:.0%}" for share in units.saturation]
        assert cells[5] == f"{units.half_life[unit]:.1f}"
        assert cells[6] == "-"  # too little text


def test_json_has_the_figures_and_what_units_follow(run: Run, words: str) -> None:
    status, out, _ = run("gates", "--checkpoint", words, "--layer", 2, "--gate", "c", "--sort", "variance", "--json")
    assert status == 0
    result = json.loads(out)
    assert (result["layer"], result["gate"], result["title"]) == (2, "c", "cell state")
    assert len(result["units"]) == 8 and len(result["text"]) > 100
    spreads = [unit["spread"] for unit in result["units"]]
    assert spreads == sorted(spreads, reverse=True)
    held_out = [abs(followed["held_out"]) for followed in result["units"][0]["follows"]]
    assert len(held_out) == 5 and held_out == sorted(held_out, reverse=True)


def test_one_unit_in_detail(run: Run, words: str) -> None:
    status, out, _ = run("gates", "--checkpoint", words, "--unit", 3, "--gate", "o", "--character", "w")
    assert status == 0
    assert "output gate of layer 1, unit 3" in out
    for part in (
        "closed at",
        "half of its state is left after",
        "highest after: ",
        "follows (correlation",
        "the character 'w'",
    ):
        assert part in out, part


def test_digits_stand_below_their_characters(run: Run, trained: Path) -> None:
    _, out, _ = run("gates", "--checkpoint", trained, "--text", "hello", "--unit", 5, "--gate", "f")
    network = load_network(str(trained), backend=None)
    values = read(network.model, network.vocabulary.encode("hello"), network.vocabulary).units(0, "f").values[:, 5]
    lines = out.splitlines()
    assert lines[-2] == "hello"
    assert lines[-1] == "".join(str(min(9, int(value * 10))) for value in values)


@pytest.mark.parametrize("name", ["values.csv", "values.json"])
def test_all_values_go_to_a_file(run: Run, trained: Path, name: str) -> None:
    assert run("gates", "--checkpoint", trained, "--text", "hello", "--gate", "c", "--output", name)[0] == 0
    network = load_network(str(trained), backend=None)
    expected = read(network.model, network.vocabulary.encode("hello"), network.vocabulary).units(0, "c").values
    if name.endswith(".json"):
        found = json.loads(Path(name).read_text())
        assert found["text"] == "hello"
        np.testing.assert_array_equal(found["values"], expected)
        return
    with open(name, newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:3] == ["position", "character", "0"] and [cells[1] for cells in rows] == list("hello")
    np.testing.assert_array_equal([[float(cell) for cell in cells[2:]] for cells in rows], expected)


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["--text", "hello", "--gate", "z"], 2, "--gate: got 'z', expected one of i (input), f (forget)"),
        (["--text", "hello", "--layer", "2"], 2, "--layer: got 2, expected at most 1"),
        (["--text", "hello", "--unit", "16"], 2, "--unit: got 16, expected 0 to 15"),
        (["--text", "hello", "--data", "hello"], 2, "--text: it is the text itself"),
        (["--text", ""], 2, "--text: got nothing"),
        (["--text", "hello", "--output", "values.txt"], 2, "--output: got values.txt"),
        (["--text", "hello", "--character", "he"], 2, "--character: got 'he', expected one character"),
        (["--text", "hullo"], 1, "character 'u' (U+0075) at position 1"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    run: Run, trained: Path, arguments: list[str], status: int, message: str
) -> None:
    found, _, err = run("gates", "--checkpoint", trained, *arguments)
    assert found == status and message in one_line(err)


def test_a_cell_without_a_gate_has_no_memory_to_sort_by(run: Run, text: Path) -> None:
    assert run("train", "--data", text, *SMALL, "--cell", "rnn", "--steps", 5, "--quiet")[0] == 0
    status, _, err = run("gates", "--checkpoint", "words-rnn.safetensors", "--sort", "memory")
    assert status == 2 and "no gate that keeps its state" in one_line(err)
    status, out, _ = run("gates", "--checkpoint", "words-rnn.safetensors", "--sort", "similarity")
    assert status == 0 and "hidden state of layer 1" in out and "half-life" not in out
