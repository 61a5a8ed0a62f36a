"""lstm-lab surgery."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.program import SMALL, Run, one_line

from lstm_ext.explain.surgery import Edit, importance, operate
from lstm_ext.train.evaluation import evaluate
from lstm_lab.cli.checkpoints import Network, load_network, measured_text


@pytest.fixture
def words(run: Run, text: Path) -> str:
    assert run("train", "--data", text, *SMALL, "--num-layers", 2, "--steps", 60, "--quiet")[0] == 0
    return "words-lstm.safetensors"


def loaded(path: str) -> tuple[Network, np.ndarray]:
    network = load_network(path, backend=None)
    return network, measured_text(network, None, None).symbols


def test_the_loss_after_each_operation(run: Run, words: str) -> None:
    operations = ("--clamp", "2:f[3]=1", "--zero", 4, "--pin", "2:1=0.5", "--scale", "W_hh*0.9")
    status, out, err = run("surgery", "--checkpoint", words, *operations)
    assert (status, err) == (0, "")
    network, symbols = loaded(words)
    edits = [Edit("f", 1.0, 3, 1), Edit("h", 0.0, 4), Edit("h", 0.5, 1, 1), Edit("W_hh", 0.9)]
    before = evaluate(network.model, symbols).nats
    assert f"{before:.4f}" in next(line for line in out.splitlines() if line.startswith("before"))
    for done, name in (
        (1, "the forget gate of unit 3 of layer 2 is held at 1"),
        (2, "unit 4 of layer 1 is held at 0"),
        (3, "unit 1 of layer 2 is held at 0.5"),
        (4, "W_hh of layer 1 times 0.9"),
    ):
        now = evaluate(operate(network.model, edits[:done]), symbols).nats
        line = next(line for line in out.splitlines() if line.startswith(name))
        assert line.split()[-3::2] == [f"{now:.4f}", f"{now - before:+.4f}"]
    assert "before:" in out and "after:" in out and "the samples part after" in out


def test_json_and_samples_of_one_seed(run: Run, words: str) -> None:
    status, out, _ = run("surgery", "--checkpoint", words, "--scale", "W_y*1", "--json", "--sample", 30, "--seed", 3)
    assert status == 0
    result = json.loads(out)
    assert result["operations"][0]["operation"] == "W_y*1"
    assert result["operations"][0]["sample"] == result["before"]["sample"] and len(result["before"]["sample"]) == 30
    assert result["operations"][0]["loss"] == result["before"]["loss"]
    _, out, _ = run("surgery", "--checkpoint", words, "--scale", "W_y*1")
    assert "both write the same 200 characters" in out


def test_the_changed_network_is_saved(run: Run, words: str, text: Path) -> None:
    status, _, err = run("surgery", "--checkpoint", words, "--clamp", "o[2]=0", "--output", "changed")
    assert status == 0 and "wrote changed.safetensors" in err
    network, _ = loaded(words)
    changed = load_network("changed.safetensors", backend=None)
    np.testing.assert_array_equal(changed.model.parameters, operate(network.model, [Edit("o", 0.0, 2)]).parameters)
    assert run("generate", "--checkpoint", "changed.safetensors", "--length", 5)[0] == 0
    assert run("eval", "--checkpoint", "changed.safetensors", "--data", text)[0] == 0


def test_units_are_ranked_by_the_loss_without_them(run: Run, words: str) -> None:
    status, out, _ = run("surgery", "--checkpoint", words, "--rank", "--layer", 2, "--json", "--scale", "W_xh*1.1")
    assert status == 0
    result = json.loads(out)
    network, symbols = loaded(words)
    patient = operate(network.model, [Edit("W_xh", 1.1)])
    whole = evaluate(patient, symbols).nats
    expected = [loss - whole for loss in importance(patient, symbols, 1)]
    assert [unit["unit"] for unit in result["units"]] == np.argsort(-np.array(expected), kind="stable").tolist()
    np.testing.assert_allclose([unit["change"] for unit in result["units"]], sorted(expected, reverse=True))
    status, out, _ = run("surgery", "--checkpoint", words, "--rank", "--units", 3)
    assert status == 0 and "and 5 more" in out and "units of layer 1" in out and "after:" not in out


def test_a_loss_that_is_not_finite_is_named(run: Run, words: str) -> None:
    status, out, _ = run("surgery", "--checkpoint", words, "--scale", "W_y*1e38", "--scale", "W_y*1e30")
    assert status == 0 and "not finite" in out
    _, out, _ = run("surgery", "--checkpoint", words, "--scale", "W_y*1e38", "--scale", "W_y*1e30", "--json")
    assert json.loads(out)["operations"][-1]["loss"] is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((), "nothing to do; expected --clamp"),
        (("--clamp", "f"), "--clamp: got 'f', expected a form like f=1"),
        (("--clamp", "h[1]=0"), "--clamp: got 'h[1]=0'"),
        (("--zero", "x"), "--zero: got 'x', expected a form like 3"),
        (("--zero", "3=1"), "--zero: got '3=1'"),
        (("--pin", "3"), "--pin: got '3', expected a form like 3=0.5"),
        (("--scale", "f=1"), "--scale: got 'f=1', expected a form like W_hh*0.9"),
        (("--clamp", "z=1"), "expected one of h, i, f, g, o"),
        (("--clamp", "f=2"), "expected a value of 0 to 1"),
        (("--zero", "16"), "expected a unit of 0 to 15"),
        (("--zero", "2:1"), "expected a layer of 1 to 1"),
        (("--rank", "--layer", 2), "--layer: got 2, expected at most 1"),
        (("--zero", 1, "--prime", ""), "--prime: is empty"),
        (("--zero", 1, "--output", "x.pkl"), "--output: "),
    ],
)
def test_bad_input_is_one_line(run: Run, trained: Path, arguments: tuple[object, ...], message: str) -> None:
    status, out, err = run("surgery", "--checkpoint", trained, *arguments)
    assert (status, out) == (2, "")
    assert message in one_line(err)


def test_a_prime_that_is_unknown(run: Run, trained: Path) -> None:
    status, _, err = run("surgery", "--checkpoint", trained, "--zero", 1, "--prime", "Q")
    assert status == 1 and one_line(err).startswith("--prime: ")
