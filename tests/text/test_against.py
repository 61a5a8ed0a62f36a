"""``lstm-lab step --against``: what it says about a right file, a wrong one, and one that cannot be followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from lstm_lab.cli.main import main
from lstm_lab.exercises.debugger.compare import compare
from lstm_lab.text.against import render
from lstm_lab.text.formulas import format_number

STUDENTS = Path(__file__).parents[1] / "exercises" / "students"
SOURCE = (STUDENTS / "lstm_network.py").read_text()


def edited(*edits: tuple[str, str]) -> str:
    source = SOURCE
    for old, new in edits:
        assert source.count(old) == 1
        source = source.replace(old, new)
    return source


def test_both_values_the_equation_the_line_and_what_follows() -> None:
    comparison = compare(edited(("h = o * tanh_C", "h = o * C")))
    first = comparison.first
    assert first is not None
    lines = list(render(comparison))
    text = "\n".join(lines)
    assert "h₁, output: line 39 of" in text
    assert "    h = o * C" in lines
    assert "h₁ = o₁⊙tanh(C₁)" in text
    yours = next(line for line in lines if line.startswith("  yours"))
    right = next(line for line in lines if line.startswith("  right"))
    assert yours.split()[1:] == [format_number(float(value)) for value in first.yours]
    assert right.split()[1:] == [format_number(float(value)) for value in first.right]
    assert "The same number comes out with C₁ in place of tanh(C₁)." in lines
    assert "  forward    1  y₁, p₁, L₁" in lines
    assert "No second mistake was seen" in text


def test_a_second_mistake_is_told_apart_from_what_follows_from_the_first() -> None:
    wrong = edited(("da_f = df * f * (1 - f)", "da_f = df"), ("self.Wy.T @ dy + dh_next", "self.Wy.T @ dy"))
    comparison = compare(wrong)
    assert comparison.first is not None
    assert (comparison.first.quantity, comparison.first.line) == ("da_f", 70)
    assert [(other.quantity, other.t, other.line) for other in comparison.others] == [("dh", 3, 63)]
    text = " ".join(" ".join(render(comparison)).split())
    assert "dh₃, backward, character 3, line 63" in text
    assert "dh₃ from character 4 is left out" in text


@pytest.mark.parametrize(
    "edits", [(), (("h = o * tanh_C", "h = o * C"),), (("self.dWf += np", "self.dWf = np"),), (("dy /= T", "dy /= Z"),)]
)
@pytest.mark.parametrize("text", ["hello", "漢字の漢字", "a sentence of many characters"])
def test_it_fits_into_80_columns_and_into_ascii(edits: tuple[tuple[str, str], ...], text: str) -> None:
    comparison = compare(edited(*edits), text)
    assert all(cell_len(line) <= 80 for line in render(comparison))
    assert all(line.isascii() for line in render(comparison, ascii_only=True))


def test_status_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--against", str(STUDENTS / "lstm_cell.py")]) == 0
    assert "No number differs." in capsys.readouterr().out
    wrong = tmp_path / "wrong.py"
    wrong.write_text(edited(("dC_next = dC * f", "dC_next = dC")))
    assert main(["step", "hello", "--against", str(wrong), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["first"]["stage"], found["first"]["t"], found["first"]["line"]) == ("dc_prev", 4, 83)
    states = {(s["phase"], s["t"], s["stage"]): s["state"] for s in found["stages"]}
    assert states["backward", 4, "dc"] == "same"
    assert states["backward", 4, "dc_prev"] == "differs"
    assert states["backward", 3, "dc"] == "follows"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trained"], "--trained: --against compares with random weights, both ways; leave out --trained"),
        (["--cell", "mingru"], "--cell: got mingru, expected one of lstm, gru, rnn with --against"),
        (["--unit", "9"], "--unit: got 9, expected 0 to 2"),
        (["--hidden-size", "4"], "--hidden-size: got 4, as many as the text has different characters"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["step", "hello", "--against", str(STUDENTS / "lstm_cell.py"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_cannot_be_followed_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.py"
    file.write_text("class LSTM:\n    def forward(self:\n")
    assert main(["step", "hello", "--against", str(file)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"lstm-lab: error: {file}: line 2: Python cannot read the file: SyntaxError:")
    assert err.count("\n") == 1
