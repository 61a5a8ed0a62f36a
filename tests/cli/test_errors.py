"""Mistakes of the user and mistakes of ours: one line each, and an exit status that tells them apart."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ext.errors import (
    ArgumentError,
    CheckpointError,
    DataError,
    LabError,
    MissingError,
    NonFiniteError,
    StateError,
)
from lstm_lab.cli.main import main
from lstm_lab.errors import UsageError

Fails = Callable[[BaseException], tuple[int, str]]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Fails:
    """Runs a command that raises the given error: its exit status, and the one line on standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def fails(error: BaseException) -> tuple[int, str]:
        def examine() -> None:
            raise error

        monkeypatch.setattr("lstm_lab.cli.commands.doctor.examine", examine)
        status = main(["doctor", "--json"])
        out, err = capsys.readouterr()
        assert out == ""
        return status, err

    return fails


def reported(err: str) -> Path:
    """The file that the one line about a bug names."""
    match = re.fullmatch(r"lstm-lab: error: this is a bug in lstm-lab .*; its traceback is in (.+\.txt); .*\n", err)
    assert match, err
    return Path(match[1])


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UsageError("--cell: no"), 2, "--cell: no"),
        (LabError("no"), 1, "no"),
        (ArgumentError("x: got 1"), 1, "x: got 1"),
        (DataError("a\nb"), 1, "a b"),
        (CheckpointError("f: gone"), 1, "f: gone"),
        (MissingError("not built"), 1, "not built"),
        (StateError("first forward"), 1, "first forward"),
        (NonFiniteError(3, 1.0, float("nan")), 1, "step 3: loss 1, gradient norm nan"),
        (FileNotFoundError(2, "No such file", "f.txt"), 1, "f.txt: No such file"),
        (MemoryError("9 GB"), 1, "not enough memory (9 GB); choose a smaller network, batch or text"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_the_user_can_put_right_is_one_line(fails: Fails, error: Exception, status: int, message: str) -> None:
    assert fails(error) == (status, f"lstm-lab: error: {message}\n")


def test_ctrl_c_says_nothing(fails: Fails) -> None:
    assert fails(KeyboardInterrupt()) == (130, "")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("operands could not be broadcast"),
        RuntimeError("dictionary changed size"),
        KeyError("bug"),
        ZeroDivisionError("division by zero"),
        AssertionError(),
        RecursionError("x" * 5000),
    ],
    ids=lambda error: type(error).__name__,
)
def test_anything_else_is_our_bug(fails: Fails, error: Exception, tmp_path: Path) -> None:
    status, err = fails(error)
    assert status == 70
    assert type(error).__name__ in err and len(err) < 500
    path = reported(err)
    assert tmp_path in path.parents
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == [path.name]
    report = path.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in report and type(error).__name__ in report
    assert "in examine" in report and "lstm-lab 0." in report and f"Python {sys.version.split()[0]}" in report


def test_a_file_name_that_is_not_utf_8_does_not_stop_the_report(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lstm-lab", "train", "caf\udce9.txt"])
    status, err = fails(KeyError("bug \udce9"))
    assert status == 70
    assert "caf\\udce9.txt" in reported(err).read_text(encoding="utf-8")


def test_two_bugs_are_two_files(fails: Fails) -> None:
    paths = {reported(fails(KeyError("bug"))[1]) for _ in range(3)}
    assert len(paths) == 3 and all(path.exists() for path in paths)


def test_where_the_log_folder_cannot_be_written_the_temporary_one_is(
    fails: Fails, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file, no folder")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = reported(fails(KeyError("bug"))[1])
    assert path.parent == temporary and stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    temporary.rmdir()
    temporary.touch()
    status, err = fails(KeyError("bug"))
    assert status == 70 and "LSTM_LAB_DEBUG=1" in err and err.count("\n") == 1


def test_debugging_shows_the_traceback_instead(fails: Fails, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LSTM_LAB_DEBUG", "1")
    status, err = fails(ValueError("bug"))
    assert status == 70
    assert err.startswith("Traceback") and err.endswith("ValueError: bug\n")
    assert not (tmp_path / "state").exists()
    assert fails(DataError("short"))[1].endswith("DataError: short\n")  # where a user's error comes from, too


def test_the_real_program_ends_with_status_70(tmp_path: Path) -> None:
    program = """
import sys
from lstm_lab.cli.commands import doctor
from lstm_lab.cli.main import main
doctor.examine = lambda: 1 / 0
sys.exit(main(["doctor"]))
"""
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (70, "")
    assert "ZeroDivisionError: division by zero" in reported(result.stderr).read_text()


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_bug(closed: str, tmp_path: Path) -> None:
    script = f"{sys.executable} -m lstm_lab step hello {'>&-' if closed == 'stdout' else '2>&-'}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and ("gate by gate" in done.stdout) == (closed == "stderr")


def test_control_characters_of_a_name_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--checkpoint", "\x1b[31m\x07x\u202e.safetensors"]) == 1
    err = capsys.readouterr().err
    assert "\\x1b[31m\\x07x\\u202e.safetensors" in err
    assert all(letter.isprintable() for letter in err.rstrip("\n"))


def test_a_misspelled_option_names_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--hiden-size", "12", "--data", "hello"]) == 2
    assert "unrecognized arguments: --hiden-size 12 (see `lstm-lab train --help`)" in capsys.readouterr().err
