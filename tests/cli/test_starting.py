"""What the lab opens with: the command line, then config.toml, then what it was left with, then the defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cli.program import Run

from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.remembered import Remembered
from lstm_lab.app.session import Opening
from lstm_lab.settings import Settings

CONFIG = 'data = "hamlet"\ntheme = "light"\n[network]\nhidden_size = 40\ncell = "gru"\n'
LAST = Remembered("nord", "hello", "utf-8", {"hidden_size": 20, "cell": "rnn"})


class Opened:
    """What ``run_lab`` was called with."""

    def __call__(self, config: RunConfig, opening: Opening, **options: Any) -> int:
        self.config, self.opening, self.options = config, opening, options
        return 0

    @property
    def tried_first(self) -> tuple[str, str, int]:
        """The text, the cell and the units that the lab tries to open with."""
        wish = self.opening.wish
        config, data = (self.config, self.opening.data) if wish is None else (wish.config, wish.data)
        return data, config.network.cell, config.network.hidden_size

    @property
    def settings(self) -> Settings:
        found = self.options["settings"]
        assert isinstance(found, Settings)
        return found


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("NO_COLOR", "LSTM_LAB_FPS", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.setenv(name, "")  # so that what the lab sets is taken back
        monkeypatch.delenv(name)
    (tmp_path / "config.toml").write_text("")
    run_lab = Opened()
    monkeypatch.setattr("lstm_lab.app.lab.run_lab", run_lab)
    return run_lab


@pytest.mark.parametrize(
    ("file", "last", "arguments", "tried"),
    [
        ("", None, [], ("shakespeare", "lstm", 128)),
        ("", LAST, [], ("hello", "rnn", 20)),
        ("remember = false", LAST, [], ("shakespeare", "lstm", 128)),
        (CONFIG, LAST, [], ("hamlet", "gru", 40)),
        ('data = "hamlet"', LAST, [], ("hamlet", "rnn", 20)),
        ("[network]\nhidden_size = 40", LAST, [], ("hello", "lstm", 40)),
        (CONFIG, LAST, ["--data", "abc"], ("abc", "gru", 40)),
        (CONFIG, LAST, ["--cell", "lstm"], ("hamlet", "lstm", 40)),
        ("", LAST, ["--cell", "lstm"], ("shakespeare", "lstm", 128)),
        ("", LAST, ["--data", "abc"], ("abc", "lstm", 128)),
        ("[network]\npeephole = true", None, ["--cell", "gru"], ("shakespeare", "gru", 128)),
    ],
)
def test_what_is_nearer_wins(
    opened: Opened, run: Run, file: str, last: Remembered | None, arguments: list[str], tried: tuple[str, str, int]
) -> None:
    Path(os.environ["LSTM_LAB_CONFIG"]).write_text(file)
    if last is not None:
        last.write()
    status, _, err = run("lab", *arguments)
    assert (status, err) == (0, "")
    assert opened.tried_first == tried


def test_what_was_asked_for_is_what_remains_if_the_file_asks_for_too_much(opened: Opened, run: Run) -> None:
    Path(os.environ["LSTM_LAB_CONFIG"]).write_text('data = "gone.txt"\n[network]\nhidden_size = 9000000\n')
    run("lab", "--cell", "gru")
    assert (opened.opening.data, opened.config.network.cell, opened.config.network.hidden_size) == (
        "shakespeare",
        "gru",
        128,
    )


def test_the_theme_of_the_file_wins_over_that_of_last_time(opened: Opened, run: Run) -> None:
    LAST.write()
    run("lab")
    assert opened.settings.theme == "nord"
    Path(os.environ["LSTM_LAB_CONFIG"]).write_text(CONFIG)
    run("lab")
    assert opened.settings.theme == "light"


def test_what_the_terminal_is_told(opened: Opened, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(os.environ["LSTM_LAB_CONFIG"])
    file.write_text('colors = "16"\nfps = 3\nglyphs = "ascii"\n')
    run("lab")
    assert (os.environ["TEXTUAL_COLOR_SYSTEM"], os.environ["LSTM_LAB_FPS"]) == ("standard", "3")
    assert opened.options["ascii_only"] is True
    monkeypatch.setenv("LSTM_LAB_FPS", "7")
    file.write_text('colors = "none"\nfps = 3\n')
    run("lab")
    assert (os.environ["NO_COLOR"], os.environ["LSTM_LAB_FPS"]) == ("1", "7")


def test_the_engine_of_the_environment_wins_over_that_of_the_file(
    opened: Opened, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(os.environ["LSTM_LAB_CONFIG"]).write_text('[network]\nbackend = "numpy"\nhidden_size = 9\n')
    run("lab")
    assert opened.opening.wish is not None and opened.opening.wish.config.backend == "numpy"
    monkeypatch.setenv("LSTM_LAB_BACKEND", "c")
    run("lab")
    assert opened.opening.wish.config.backend is None
