"""lstm-lab config: where the file is, what it may say, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.program import Run, one_line

from lstm_lab.settings import template


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(path))
    return path


def test_path(run: Run, file: Path) -> None:
    assert run("config", "path") == (0, f"{file}\n", "")


def test_all_of_it_is_shown_as_it_stands(run: Run, file: Path) -> None:
    file.write_text("fps = 5\n")
    for arguments in (["config"], ["config", "show"]):
        status, out, _ = run(*arguments)
        assert status == 0 and "\nfps = 5\n" in out
        assert '\n# colors = "auto"\n' in out
        assert file.write_text(out) and run("config", "validate")[0] == 0


def test_a_file_is_begun_where_there_is_none(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(file.parent / "new" / "config.toml"))
    status, out, _ = run("config", "create")
    path = Path(out.strip())
    assert status == 0 and path.read_text() == template()
    path.write_text("fps = 5\n")
    status, out, err = run("config", "create")
    assert (status, out, path.read_text()) == (1, "", "fps = 5\n") and "is there already" in one_line(err)


def test_a_good_file_is_said_to_be_good(run: Run, file: Path) -> None:
    file.write_text(template() + '[keys]\n"replay.pause" = "p"\n"train.warmer" = "ctrl+t"\n')
    assert run("config", "validate") == (0, f"{file}: nothing is wrong with it\n", "")


def test_no_file_is_good_too(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    status, out, _ = run("config", "validate")
    assert status == 0 and out == f"{tmp_path / 'none' / 'lstm-lab' / 'config.toml'}: is not there, and need not be\n"


def test_each_problem_is_a_line_and_the_status_says_so(run: Run, file: Path) -> None:
    file.write_text('theme = "nordd"\nfps = 0\n[keys]\ntrain.pause = "n"\n"train.stpe" = "X"\n')
    assert run("config", "validate") == (
        1,
        f"{file}: fps: got 0, expected a whole number from 1 to 30\n"
        f"{file}: theme: there is no theme 'nordd'; did you mean nord?\n"
        f"{file}: keys.train.stpe: there is no such command; did you mean train.step?; "
        "`lstm-lab config keys` lists them\n"
        f"{file}: keys.train.pause: n is train.step already (One training step, then pause)\n",
        "",
    )


def test_what_is_no_toml_is_one_line(run: Run, file: Path) -> None:
    file.write_text("fps = \n")
    status, out, _ = run("config", "validate")
    assert (status, out.count("\n")) == (1, 1) and out.startswith(f"{file}: is not TOML: ")


def test_keys_are_listed_with_those_that_were_chosen(run: Run, file: Path) -> None:
    file.write_text('[keys]\ntrain.pause = "p"\n')
    status, out, _ = run("config", "keys", "--json")
    keys = {row["id"]: row["keys"] for row in json.loads(out)}
    assert keys["replay.pause"] == "space"
    assert (status, keys["train.pause"], keys["train.resume"], keys["lab.quit"]) == (0, "p", "p", "q")
    _, out, _ = run("config", "keys")
    assert [line.split()[:2] for line in out.splitlines()] == [[id, key] for id, key in keys.items()]


def test_the_environment_is_checked_like_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_LAB_FPS", "fast")
    status, _, err = run("lab", "--data", "hello")
    assert status == 2 and one_line(err) == "LSTM_LAB_FPS: got 'fast', expected a whole number from 1 to 30"
