"""lstm-lab eval."""

from __future__ import annotations

import json
from pathlib import Path

from cli.program import SMALL, Run, one_line, write


def test_eval_measures_what_training_measured(run: Run, text: Path) -> None:
    _, out, _ = run("train", "--data", text, *SMALL, "--steps", 40, "--json", "--quiet")
    training = json.loads(out)
    status, out, err = run("eval", "--checkpoint", "words-lstm.safetensors", "--json")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert result["loss"] == training["val_loss"]
    assert result["ngram_losses"] == training["ngram_losses"]
    status, out, _ = run("eval", "--checkpoint", "words-lstm.safetensors")
    assert status == 0
    assert f"{result['loss']:.4f} nats per character" in out


def test_eval_takes_another_text_whole(run: Run, trained: Path) -> None:
    write("other.txt", b"hello " * 40)
    _, out, _ = run("eval", "--checkpoint", trained, "--data", "other.txt", "--json")
    result = json.loads(out)
    assert result["characters"] == 239
    assert 0 < result["loss"] < 0.5
    write("foreign.txt", b"hello hullo hello")
    status, _, err = run("eval", "--checkpoint", trained, "--data", "foreign.txt")
    assert status == 1
    assert "foreign.txt: character 'u' (U+0075) at position 7" in one_line(err)
