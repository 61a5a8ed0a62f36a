"""What generate, eval and step make of files that ``lstm_ext.nn.save`` wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lstm_ext import LanguageModel, ModelConfig, Vocabulary, nn
from lstm_lab.cli.main import main

VOCABULARY = Vocabulary(" abdehlnortw\n")
SIZE = len(VOCABULARY)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "network.safetensors"
    nn.save(path, LanguageModel(ModelConfig(SIZE, 6, SIZE), seed=2), vocabulary=VOCABULARY)
    return path


def test_generate(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--length", "30", "--temperature", "0", "--prime", "hello"]
    assert main(["generate", "--checkpoint", str(path), *options]) == 0
    model = nn.load(path)
    expected = VOCABULARY.decode(model.sample(VOCABULARY.encode("hello"), 30, temperature=0.0))
    assert capsys.readouterr().out.rstrip("\n") == ("hello" + expected).rstrip("\n")


def test_eval(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_text("hello world\nto and on")
    assert main(["eval", "--checkpoint", str(path), "--data", "text.txt", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    text = VOCABULARY.encode("hello world\nto and on")
    assert result["loss"] == pytest.approx(nn.load(path).evaluate(text[:-1, None], text[1:, None])[0])
    assert result["steps"] is None and result["characters"] == len(text) - 1
    assert main(["eval", "--checkpoint", str(path), "--data", "text.txt"]) == 0
    assert f"network     {path}\n" in capsys.readouterr().out
    assert main(["eval", "--checkpoint", str(path)]) == 2
    assert "--data: missing; this file does not say what the network learned" in capsys.readouterr().err


def test_step(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "hello", "--checkpoint", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == f"weights of {path}"


@pytest.mark.parametrize("command", [["generate"], ["eval", "--data", "hello"], ["step", "hello"]])
def test_other_networks_are_refused_in_one_line(
    command: list[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = nn.load(path)
    words = nn.WordVocabulary(["a", "b"])
    for network, vocabulary, message in (
        (nn.Tagger(5, 4, 3).build(), VOCABULARY, "holds a Tagger, expected a language model"),
        (model, None, "was saved without a vocabulary"),
        (model, words, "its vocabulary is of words, expected one of characters"),
        (model, Vocabulary("abc"), f"reads {SIZE} symbols and predicts {SIZE}, expected those of its vocabulary, 3"),
    ):
        nn.save(path, network, vocabulary=vocabulary)
        assert main([*command, "--checkpoint", str(path)]) == 1
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err == f"lstm-lab: error: {path}: {message}\n"


def test_a_name_without_its_suffix(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--checkpoint", "network", "--length", "3"]) == 0
    assert main(["generate", "--checkpoint", "other", "--length", "3"]) == 1
    assert capsys.readouterr().err == "lstm-lab: error: other.safetensors: no such checkpoint\n"
