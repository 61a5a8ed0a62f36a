"""config.toml: what it may say, and that nothing in it keeps the lab from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_lab.settings import Settings, parsed, read_settings, schema, settings_path, template
from lstm_lab.toml import tomllib

GOOD = """
theme = "light"
colors = "16"
glyphs = "ascii"
fps = 5
mouse = false
data = "hamlet"
encoding = "latin-1"
remember = false
log = false
[network]
cell = "gru"
reset_after = true
hidden_size = 64
lr = 0.01
[keys]
"train.pause" = "space, p"
train.step = "N"
"""


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_setting_is_read(tmp_path: Path) -> None:
    assert read_settings(file(tmp_path, GOOD)) == Settings(
        theme="light",
        colors="16",
        glyphs="ascii",
        fps=5,
        mouse=False,
        data="hamlet",
        encoding="latin-1",
        remember=False,
        log=False,
        network={"cell": "gru", "reset_after": True, "hidden_size": 64, "lr": 0.01},
        keys={"train.pause": "space,p", "train.step": "N"},
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("fpss = 3", "fpss: there is no such setting; did you mean fps?"),
        ("fps = 0", "fps: got 0, expected a whole number from 1 to 30"),
        ("fps = true", "fps: got true, expected a whole number from 1 to 30"),
        ('glyphs = "asci"', 'glyphs: got "asci", expected "auto" or "ascii"; did you mean ascii?'),
        ("mouse = 1", "mouse: got 1, expected true or false"),
        ('theme = ""', 'theme: got "", expected a name in quotes'),
        ("network = 3", "network: got 3, expected a table, which begins with its name in brackets"),
        ("[network]\nhiden_size = 3", "network.hiden_size: there is no such setting; did you mean hidden_size?"),
        ("[network]\nhidden_size = 0", "network.hidden_size: got 0, expected an integer of at least 1"),
        ("[keys]\n'train.pause' = 3", 'keys.train.pause: got 3, expected keys in quotes, such as "p" or "space,p"'),
        ("[keys]\n'train.pause' = ''", 'keys.train.pause: got "", expected keys in quotes, such as "p" or "space,p"'),
        ("theme = ", "is not TOML: Invalid value (at end of document)"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_problem_is_one_line_and_leaves_the_default(tmp_path: Path, content: str | bytes, problem: str) -> None:
    assert read_settings(file(tmp_path, content)) == Settings(problems=(problem,))


def test_all_problems_are_collected_and_what_is_right_holds() -> None:
    settings = parsed({"fps": 0, "mouse": False, "network": {"hidden_size": 8, "lr": "fast"}, "colours": "16"})
    assert [problem.partition(":")[0] for problem in settings.problems] == ["fps", "colours", "network.lr"]
    assert (settings.mouse, settings.network) == (False, {"hidden_size": 8})


def test_what_a_cell_does_not_have_is_a_problem() -> None:
    settings = parsed({"network": {"peephole": True, "cell": "gru"}})
    assert settings.network == {"cell": "gru"}
    assert len(settings.problems) == 1 and settings.problems[0].startswith("network.")


def test_no_file_is_no_problem_unless_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_path() == tmp_path / "lstm-lab" / "config.toml"
    assert read_settings() == Settings()
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(tmp_path / "mine.toml"))
    assert settings_path() == tmp_path / "mine.toml"
    assert read_settings().problems == ("is not there, but LSTM_LAB_CONFIG names it",)
    monkeypatch.setenv("LSTM_LAB_CONFIG", str(tmp_path))
    assert read_settings().problems == ("cannot be read: Is a directory",)


def test_the_template_says_the_same_again(tmp_path: Path) -> None:
    settings = read_settings(file(tmp_path, GOOD))
    assert read_settings(file(tmp_path, template(settings))) == settings
    assert read_settings(file(tmp_path, template())) == Settings()


def test_every_example_is_allowed(tmp_path: Path) -> None:
    for name, default, metadata in schema():
        settings = parsed({name: metadata["example"]})
        assert not settings.problems and getattr(settings, name) != default, name
    uncommented = "\n".join(line.removeprefix("# ") for line in template().splitlines() if " = " in line or "[" in line)
    assert {name for name, _, _ in schema()} == set(tomllib.loads(uncommented))


def test_the_page_shows_every_setting() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"```toml\n{template()}```\n" in page
    assert read_of_page(page).keys == {"train.pause": "space,p", "lab.copy": "f4,ctrl+y"}


def read_of_page(page: str) -> Settings:
    """The settings of its last example."""
    return parsed(tomllib.loads(page.split("```toml\n")[-1].split("```")[0]))
