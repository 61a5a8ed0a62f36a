"""lstm-lab handbook."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cli.program import ENV, LAB, Run, one_line

from lstm_ext.engine.config import ModelConfig
from lstm_lab.handbook.topics import topics


def test_without_a_topic_it_lists_all(run: Run) -> None:
    status, out, err = run("handbook")
    assert (status, err) == (0, "")
    assert all(f"  {topic.id} " in out and topic.chapter in out for topic in topics().values())
    status, out, _ = run("handbook", "--json")
    assert status == 0 and [entry["topic"] for entry in json.loads(out)] == list(topics())


def test_a_topic_has_its_text_and_the_commands_of_its_links(run: Run) -> None:
    status, out, err = run("handbook", "gru")
    assert (status, err) == (0, "")
    assert out.startswith("GRU\n\nThe gated recurrent unit")
    assert "hₜ = (1 - zₜ)⊙hₜ₋₁ + zₜ⊙nₜ   output" in out
    assert "  lstm-lab step hello --cell gru --reset-after\n" in out and "  lstm-lab learn start lstm_vs_gru\n" in out
    assert "](" not in out and "{{" not in out


def test_json_has_the_markdown(run: Run) -> None:
    status, out, _ = run("handbook", "parameters", "--sizes", "30,8,2", "--json")
    assert status == 0
    result = json.loads(out)
    assert result["topic"] == "parameters" and result["title"] == "Counting parameters"
    count = ModelConfig(input_size=30, hidden_size=8, output_size=30, num_layers=2).num_parameters
    assert f"{count:,}" in result["markdown"]


def test_search_prints_places(run: Run) -> None:
    status, out, err = run("handbook", "--search", "forget bias")
    assert (status, err) == (0, "")
    assert out.startswith("biases  Where biases start: Forget bias\n")
    status, out, _ = run("handbook", "--search", "forget bias", "--json")
    assert status == 0 and json.loads(out)[0]["heading"] == "Forget bias"


def test_nothing_found_is_status_1(run: Run) -> None:
    status, out, err = run("handbook", "--search", "zyzzyva")
    assert (status, out) == (1, "") and "no place with 'zyzzyva'" in err
    status, out, _ = run("handbook", "--search", "zyzzyva", "--json")
    assert (status, json.loads(out)) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lsmt"], "topic: there is no 'lsmt'; did you mean lstm?"),
        (["parameters", "--sizes", "0,3"], "--sizes: got '0,3', expected V, H and layers"),
        (["--sizes", "3,3"], "--sizes: expected a topic"),
        (["lstm", "--search", "gate"], "leave out the topic"),
        (["--search", " "], "--search: got nothing"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    status, out, err = run("handbook", *arguments)
    assert (status, out) == (2, "")
    assert message in one_line(err)


def test_in_ascii_formulas_are_spelled(tmp_path: Path) -> None:
    process = subprocess.run(
        [*LAB, "handbook", "gru"], cwd=tmp_path, env={**ENV, "PYTHONIOENCODING": "ascii"}, capture_output=True
    )
    assert process.returncode == 0 and process.stdout.isascii()
    assert b"r_t = sigmoid(a_r)" in process.stdout and b"?" not in process.stdout
