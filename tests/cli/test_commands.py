"""Which command it is: help, version, the lab, guesses, and what holds for all of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cli.program import ENV, LAB, Run, one_line

from lstm_ext.engine.backend import available_backends
from lstm_lab.cli.parser import COMMANDS


def test_version(run: Run) -> None:
    from lstm_ext import __version__

    assert run("--version") == (0, f"lstm-lab {__version__}\n", "")


def test_help_lists_every_command_and_each_explains_itself(run: Run) -> None:
    for option in ("--help", "-h"):
        status, out, err = run(option)
        assert (status, err) == (0, "")
        for name in COMMANDS:
            assert re.search(rf"^ +{name} +[a-z]", out, re.MULTILINE)
    for name in COMMANDS:
        status, out, err = run(name, "--help")
        assert (status, err) == (0, "")
        assert out.startswith(f"usage: lstm-lab {name} ")


def test_options_alone_mean_the_lab(run: Run) -> None:
    status, out, err = run("--ascii")
    assert (status, out) == (2, "")
    assert "needs a terminal" in one_line(err)
    named = [command.removeprefix("lstm-lab ") for command in err.split("`")[1::2]]
    assert named == ["train", "step", "learn", "gates", "flow", "surgery", "experiment", "handbook", "runs"]
    assert set(named) <= set(COMMANDS)


@pytest.mark.parametrize("variable", ["LSTM_LAB_BACKEND", "LSTM_LAB_KERNEL"])
@pytest.mark.parametrize("command", ["doctor", "train --data hello --steps 1"])
def test_a_wrong_variable_is_one_clear_line(variable: str, command: str, tmp_path: Path) -> None:
    if variable == "LSTM_LAB_KERNEL" and "c" not in available_backends():
        pytest.skip("the twin has no kernels")
    env = {name: value for name, value in ENV.items() if name != "LSTM_LAB_BACKEND"} | {variable: "foo"}
    result = subprocess.run([*LAB, *command.split()], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.search(rf"^(LanguageModel: )?{variable}: got 'foo', expected ", one_line(result.stderr))


def test_an_unknown_command_is_guessed(run: Run) -> None:
    status, out, err = run("trian", "--data", "hello")
    assert (status, out) == (2, "")
    assert one_line(err) == "no command 'trian'; did you mean `lstm-lab train`?"
    assert one_line(run("quux")[2]) == "no command 'quux'; `lstm-lab --help` lists the commands"
