"""lstm-lab generate."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli.program import SMALL, Run, one_line, write

from lstm_lab.cli.commands import generate


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--checkpoint", "model.pkl"], 2, "model.pkl is a pickle"),
        ([], 2, "--checkpoint: missing"),
        (["--checkpoint", "nowhere.safetensors"], 1, "no such checkpoint"),
        (["--checkpoint", "{short}"], 1, "is cut short, damaged or no checkpoint"),
        (["--checkpoint", "{good}", "--temperature", "-0.1"], 2, "got '-0.1', expected a finite number of at least 0"),
        (["--checkpoint", "{good}", "--temperature", "nan"], 2, "--temperature: got 'nan'"),
        (["--checkpoint", "{good}", "--top-p", "0"], 2, "--top-p: got '0', expected a number in (0, 1]"),
        (["--checkpoint", "{good}", "--top-p", "1.5"], 2, "--top-p: got '1.5', expected a number in (0, 1]"),
        (["--checkpoint", "{good}", "--top-k", "-1"], 2, "--top-k: got '-1'"),
        (["--checkpoint", "{good}", "--length", "-1"], 2, "--length: got '-1'"),
        (["--checkpoint", "{good}", "--prime", ""], 2, "--prime: is empty"),
        (["--checkpoint", "{good}", "--prime", "hexe"], 1, "--prime: character 'x' (U+0078) at position 2"),
    ],
)  # fmt: skip
def test_bad_generate_input_is_one_clear_line(
    run: Run, trained: Path, options: list[str], code: int, message: str
) -> None:
    write("short.safetensors", trained.read_bytes()[:700])
    status, out, err = run("generate", *(option.format(good=trained, short="short.safetensors") for option in options))
    assert (status, out) == (code, "")
    assert message in one_line(err)


def test_generate_writes_what_was_learned(run: Run, trained: Path) -> None:
    status, out, err = run("generate", "--checkpoint", trained, "--length", 60, "--temperature", 0, "--prime", "he")
    assert (status, err) == (0, "")
    assert out == ("hello " * 11)[:62] + "\n"


def test_generate_does_not_depend_on_its_pieces(run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--checkpoint", trained, "--length", 100, "--temperature", 5, "--seed", 3]
    _, at_once, _ = run("generate", *options)
    monkeypatch.setattr(generate, "PIECE", 7)
    _, in_pieces, _ = run("generate", *options)
    _, other, _ = run("generate", *options[:-1], 4)
    assert in_pieces == at_once
    assert len(at_once) == 101
    assert other != at_once


def test_top_k_1_is_the_likeliest(run: Run, trained: Path) -> None:
    _, greedy, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 0)
    _, top, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 9, "--top-k", 1)
    _, nucleus, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 9, "--top-p", 1e-9)
    assert top == nucleus == greedy


def test_no_learned_control_character_reaches_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("esc.txt", b"a\x1b[2Jb\n" * 30)
    run("train", "--data", "esc.txt", *SMALL, "--steps", 1, "--quiet")
    options = ["generate", "--checkpoint", "esc-lstm.safetensors", "--length", 200, "--seed", 1]
    _, piped, _ = run(*options)
    assert "\x1b" in piped
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, shown, _ = run(*options)
    assert shown == piped.replace("\x1b", "\\x1b")
