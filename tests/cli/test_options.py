"""Options that several commands share."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

import pytest

from lstm_ext.train.run_config import DEFAULTS


@pytest.mark.parametrize("command", ["train", "lab"])
def test_help_texts_say_the_defaults(command: str) -> None:
    parser = argparse.ArgumentParser()
    import_module(f"lstm_lab.cli.commands.{command}").add_arguments(parser)
    told = {
        action.dest: match[1]
        for action in parser._actions
        if action.dest in DEFAULTS and (match := re.search(r"default: ([^ )]+)", action.help or ""))
    }
    # Those whose default depends on something.
    for name in {"schedule", "dropout", "eval_every", "backend", *(["threads"] if command == "lab" else [])}:
        told.pop(name, None)
    assert told == {
        name: f"{DEFAULTS[name]:g}" if name not in ("cell", "dtype", "optimizer") else DEFAULTS[name] for name in told
    }
    assert {"cell", "hidden_size", "num_layers", "dtype", "seq_length", "batch_size", "lr", "optimizer", "seed"} <= set(
        told
    )


def test_the_readme_says_the_defaults() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("`lstm-lab train` takes") :]
    told = {name.replace("-", "_"): text for name, text in re.findall(r"`--([a-z-]+) ([\d.]+)`", section)}
    assert len(told) > 10
    assert told == {name: f"{DEFAULTS[name]:g}" for name in told}
