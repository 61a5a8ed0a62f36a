"""lstm-lab flow."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli.program import Run, one_line

from lstm_ext.data import Vocabulary
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.flow import Decay, Start, flow, fresh_flows
from lstm_lab.cli.checkpoints import load_network

TEXT = "she sells sea shells by the sea shore"
FAST = ("--seeds", 2, "--hidden-size", 5)


def test_the_numbers_are_those_of_untrained_networks(run: Run) -> None:
    status, out, err = run("flow", "--text", TEXT, *FAST, "--init", "xavier", "--forget-bias", 2)
    assert (status, err) == (0, "")
    vocabulary = Vocabulary("".join(sorted(set(TEXT))))
    config = ModelConfig(len(vocabulary), 5, len(vocabulary))
    rows = {line.split()[0]: line.split() for line in out.splitlines() if "∂L/∂h   " in line}
    for title, cell in (("LSTM", "lstm"), ("GRU", "gru"), ("RNN", "rnn")):
        flows = list(
            fresh_flows(config, cell, Start("xavier", 2.0), vocabulary.encode(TEXT), vocabulary, seeds=2)  # type: ignore[arg-type]
        )
        decay = Decay.of(flows, "h", 0)
        assert decay.lags == 27
        assert float(rows[title][3]) == pytest.approx(decay.median[10], rel=0.06)
        assert float(rows[title][4]) == pytest.approx(decay.median[27], rel=0.06)
        assert rows[title][5] == f"{decay.per_step:+.3f}"
        assert f"{title}: 27 characters back" in out
    assert "untrained   2 each, 5 units, xavier weights, forget bias 2" in out
    assert "loss        that of 'e', character 36" in out


def test_the_chart_has_a_curve_of_letters_for_each_network(run: Run) -> None:
    _, out, _ = run("flow", "--text", TEXT, *FAST)
    lines = out.splitlines()
    at = lines.index("share left by characters back: L LSTM, G GRU, R RNN")
    plot = lines[at + 1 : at + 13]
    assert all(letter in "".join(plot) for letter in "LGR") and lines[at + 1].lstrip().startswith("1e")
    lowest = {letter: max(y for y, line in enumerate(plot) if letter in line.partition("|")[2]) for letter in "LG"}
    assert lowest["G"] > lowest["L"]  # an untrained GRU keeps less


def test_digits_count_decades(run: Run) -> None:
    _, out, _ = run("flow", "--text", TEXT, *FAST, "--character", 10, "--json")
    result = json.loads(out)
    norms = {net["name"]: np.array(net["states"]["h"]["norms"]) for net in result["networks"]}
    _, out, _ = run("flow", "--text", TEXT, *FAST, "--character", 10)
    lines = out.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("below each"))
    assert lines[at + 1].strip() == TEXT
    largest = max(values.max() for values in norms.values())
    for line, (name, values) in zip(lines[at + 2 : at + 5], norms.items(), strict=True):
        drawn = line.removeprefix(name).strip()
        assert drawn == "".join(str(min(9, int(np.log10(largest / value)))) for value in values[:10])


def test_a_checkpoint_is_measured_beside_untrained_networks_of_its_size(run: Run, trained: Path) -> None:
    status, out, _ = run("flow", "--checkpoint", trained, "--text", "hello hello", "--seeds", 1, "--json")
    assert status == 0
    result = json.loads(out)
    assert [net["name"] for net in result["networks"]] == ["network", "LSTM", "GRU", "RNN"]
    assert result["hidden_size"] == 16 and result["character"] == 10 and result["text"] == "hello hello"
    network = load_network(str(trained), backend=None)
    found = flow(network.model, network.vocabulary.encode("hello hello"), network.vocabulary)
    own = result["networks"][0]["states"]
    np.testing.assert_allclose(own["c"]["norms"], found.bars("c", 0, 10))
    decay = Decay.of([found], "c", 0)
    np.testing.assert_allclose(own["c"]["median"], decay.median)
    assert own["c"]["decades_per_step"] == pytest.approx(decay.per_step)
    status, out, _ = run("flow", "--checkpoint", trained, "--seeds", 1, "--length", 20, "--state", "c")
    assert status == 0 and "kept apart" in out and "∂L/∂C" in out


def test_values_and_pictures_are_written(run: Run, tmp_path: Path) -> None:
    assert run("flow", "--text", TEXT, *FAST, "--output", "f.csv", "--character", "mean")[0] == 0
    with open(tmp_path / "f.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["network"], row["state"]) for row in rows} == {
        ("LSTM", "h"),
        ("LSTM", "c"),
        ("GRU", "h"),
        ("RNN", "h"),
    }
    first = [row for row in rows if row["measure"] == "share by steps back" and row["position"] == "0"]
    assert [float(row["median"]) for row in first] == [1.0] * 4
    assert run("flow", "--text", TEXT, *FAST, "--output", "f.json")[0] == 0
    assert json.loads((tmp_path / "f.json").read_text())["text"] == TEXT
    pytest.importorskip("matplotlib")
    assert run("flow", "--text", TEXT, *FAST, "--output", "f.svg")[0] == 0
    assert "<svg" in (tmp_path / "f.svg").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--text", "a"), "expected at least 2"),
        (("--text", ""), "--text: got nothing"),
        (("--text", "abc", "--data", "hamlet"), "it is the text itself"),
        (("--text", "abc", "--character", 3), "--character: got 3, expected at most 2"),
        (("--text", "abc", "--layer", 2), "--layer: got 2, expected at most 1"),
        (("--init", "foo"), "--init: got 'foo'"),
        (("--init", "chrono:1"), "--init: got 'chrono:1'"),
        (("--output", "x.y"), "--output: got x.y"),
        (("--state", "z"), "--state"),
        (("--forget-bias", "nan"), "--forget-bias: got 'nan'"),
        (("--checkpoint", "x.safetensors", "--hidden-size", 3), "leave them out"),
    ],
)
def test_bad_input_is_one_line(run: Run, arguments: tuple[object, ...], message: str) -> None:
    status, out, err = run("flow", *arguments)
    assert (status, out) == (2, "")
    assert message in one_line(err)


def test_chrono_has_no_rnn(run: Run) -> None:
    status, out, _ = run("flow", "--text", TEXT, *FAST, "--init", "chrono:20", "--json")
    assert status == 0
    assert [net["name"] for net in json.loads(out)["networks"]] == ["LSTM", "GRU"]
