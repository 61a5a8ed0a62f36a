"""One student's file does not drive another's terminal: hostile names and texts through every command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.program import SMALL, Run, in_terminal
from hostile import HOSTILE, MARKUP, control_sequences, hidden_in

from lstm_lab.cli.main import main

TEXT = f"{HOSTILE}.txt"
CHECKPOINT = f"{HOSTILE}.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, hostile itself, with a hostile text in a hostile file and a network trained on it."""
    folder = tmp_path_factory.mktemp("foreign") / HOSTILE
    folder.mkdir()
    (folder / TEXT).write_bytes((HOSTILE + MARKUP + "\n").encode() * 40)
    (folder / "notes.txt").write_text("not a checkpoint", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ["--checkpoint", CHECKPOINT, *SMALL, "--steps", "5", "--quiet"]
        assert main(["train", "--data", TEXT, *options]) == 0
    return folder


COMMANDS = {
    "no such command": [HOSTILE],
    "no such option": ["train", f"--{HOSTILE}", "--data", "hello"],
    "no such choice": ["train", "--cell", HOSTILE],
    "no number": ["train", "--steps", HOSTILE],
    "no text": ["train", "--data", HOSTILE],
    "no encoding": ["train", "--data", TEXT, "--encoding", HOSTILE],
    "another suffix": ["train", "--data", "hello", "--checkpoint", TEXT],
    "no folder": ["train", "--data", "hello", "--checkpoint", f"{HOSTILE}/x.safetensors"],
    "train": ["train", "--data", TEXT, *SMALL, "--steps", "2"],
    "train json": ["train", "--data", TEXT, *SMALL, "--steps", "2", "--json"],
    "resume": ["train", "--resume", "--checkpoint", CHECKPOINT, "--steps", "7"],
    "generate prime": ["generate", "--checkpoint", CHECKPOINT, "--prime", "\u2067"],
    "no checkpoint": ["generate", "--checkpoint", f"no{HOSTILE}"],
    "a pickle": ["generate", "--checkpoint", f"{HOSTILE}.pkl"],
    "not a checkpoint": ["eval", "--checkpoint", "notes.txt"],
    "eval": ["eval", "--checkpoint", CHECKPOINT],
    "eval data": ["eval", "--checkpoint", CHECKPOINT, "--data", TEXT],
    "step": ["step", HOSTILE],
    "step checkpoint": ["step", HOSTILE, "--checkpoint", CHECKPOINT],
    "step json": ["step", HOSTILE, "--json"],
    "no experiment": ["experiment", HOSTILE],
    "no data": ["experiment", "learning", "--quick", "--data", HOSTILE],
    "no shell": ["completion", HOSTILE],
    "learn no exercise": ["learn", "show", HOSTILE],
    "learn no folder": ["learn", "start", "--folder", f"no{HOSTILE}/x"],
    "learn no file": ["learn", "check", f"no{HOSTILE}.py", "--folder", HOSTILE],
    "learn a text": ["learn", "check", TEXT],
    "learn no export": ["learn", "export", "--verify", TEXT],
    "lab": ["lab", "--data", HOSTILE],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_hidden_is_written(name: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TERM", HOSTILE)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", HOSTILE)
    status, out, err = run(*COMMANDS[name])
    assert out or err
    assert hidden_in(out) == set() and hidden_in(err) == set()
    if status:
        assert err.startswith("lstm-lab: error: ") and err.count("\n") == 1


@pytest.mark.parametrize("field", ["version", "text", "tensor", "key"])
def test_what_a_foreign_checkpoint_says_of_itself(field: str, run: Run, folder: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(folder / CHECKPOINT, framework="numpy") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    contents = json.loads(metadata["contents"])
    if field == "version":
        metadata["version"] = HOSTILE
    elif field == "text":
        contents["text"]["name"] = f"{HOSTILE}{MARKUP}"
    elif field == "tensor":
        tensors[HOSTILE] = np.zeros(1, np.float32)
        del tensors["decoder.bias"]
    else:
        contents["model"][HOSTILE] = contents["trainer"][MARKUP] = 1
    save_file(tensors, "foreign.safetensors", {**metadata, "contents": json.dumps(contents)})
    for command in ("eval", "train --resume --steps 9", "generate --length 5", "step ax"):
        _, out, err = run(*command.split(), "--checkpoint", "foreign.safetensors")
        assert (field == "text" or err) and hidden_in(out, keep=HOSTILE if "gen" in command else "\n") == set()
        assert hidden_in(err) == set()


def test_the_traceback_of_a_bug_neither(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_LAB_DEBUG", "1")
    _, _, err = run("train", "--data", HOSTILE)
    assert "Traceback" in err and hidden_in(err) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "resume", "generate", "eval", "no experiment"])
def test_in_a_real_terminal(name: str, folder: Path) -> None:
    command = ["generate", "--checkpoint", CHECKPOINT, "--length", 400, "--temperature", 3]
    _, output = in_terminal(*COMMANDS.get(name, command), cwd=folder)
    assert control_sequences(output.encode()) == []
    assert "\\x1b" in output


def test_a_pipe_gets_the_text_as_it_was_written(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    options = ["generate", "--checkpoint", CHECKPOINT, "--length", 400, "--temperature", 3, "--seed", 1]
    status, piped, err = run(*options)
    assert (status, err) == (0, "")
    assert hidden_in(piped) >= {"\x1b", "\u202e", "\u200b"}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, shown, _ = run(*options)
    assert hidden_in(shown) == set() and "\\u202e" in shown


@pytest.mark.slow
def test_styled_lines_neither(tmp_path: Path) -> None:
    program = "import hostile; from rich.text import Text; from lstm_lab.cli.output import print_lines\n"
    program += "print_lines([Text.assemble('a ', (hostile.HOSTILE, 'bold red'), ' b')])"
    _, output = in_terminal(cwd=Path(__file__).parents[1], program=("-c", program))
    assert control_sequences(output.encode()) == [] and "\x1b[1;31m" in output
    assert "\\x9b2J\\u202etxt\\u200b" in output
