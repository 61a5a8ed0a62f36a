"""Commands in an empty directory, a text, and a network that learned something."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cli.program import Run

from lstm_lab.cli.main import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty directory: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture(autouse=True)
def measures_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.SPEED_SECONDS", 0.1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that spells hello."""
    path = tmp_path_factory.mktemp("trained") / "hello.safetensors"
    options = ["--hidden-size", "16", "--steps", "150", "--lr", "0.01", "--quiet"]
    assert main(["train", "--data", "hello", "--checkpoint", str(path), *options]) == 0
    return path


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text with something to learn and something to guess."""
    rng = random.Random(5)
    words = ["the", "gate", "forgets", "what", "it", "learned", "again"]
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text(" ".join(rng.choice(words) for _ in range(600)), encoding="utf-8")
    return path
