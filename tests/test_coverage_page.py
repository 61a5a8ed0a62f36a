"""docs/coverage.md: its commands and calls exist, and its pages are there."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from lstm_ext.experiments import NAMES, load
from lstm_lab.cli.options import Parser

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "coverage.md").read_text(encoding="utf-8")


def test_every_command_is_one() -> None:
    commands = set(re.findall(r"`lstm-lab ([^`]+)`", PAGE))
    assert len(commands) > 25
    for command in commands:
        name, *arguments = shlex.split(command)
        parser = Parser(prog=name, description=None)
        module = import_module(f"lstm_lab.cli.commands.{name}")
        module.add_arguments(parser)
        parsed = parser.parse_args(arguments)
        assert name != "experiment" or parsed.name in NAMES


def test_every_experiment_is_there_with_a_page() -> None:
    index = (DOCS / "experiments" / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"| [{name}]({name}.md) | {load(name).question} |" in index
        assert f"lstm-lab experiment {name}" in PAGE
        page = (DOCS / "experiments" / f"{name}.md").read_text(encoding="utf-8")
        assert f"{name}.svg" in page and (DOCS / "experiments" / f"{name}.svg").exists()
    for link in re.findall(r"\]\((experiments/[^)]+)\)", PAGE):
        assert (DOCS / link).exists()


def test_all_calls_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "coverage.md", "exec"), {})
    assert Path("gating.svg").exists() and Path("gates.png").exists()
