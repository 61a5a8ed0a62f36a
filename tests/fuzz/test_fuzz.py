"""A few calls of the fuzzer (`make fuzz` makes more), and what it watches for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fuzz import __main__ as fuzz
from fuzz import worker
from fuzz.registry import public


def test_two_thousand_calls() -> None:
    """No crash, no hang, and only errors that a caller has to expect."""
    found = [f"{f.name}: {f.what} (python tests/fuzz --only {f.number})" for f in fuzz.findings(0, range(2000))]
    assert not found, "\n".join(found)


def test_everything_public_is_called() -> None:
    names = {each.name for each in public()}
    assert {
        "lstm_ext.nn.language_model.LanguageModel",
        "lstm_ext.nn.language_model.LanguageModel.sample",
        "lstm_ext.nn.recurrent.Recurrent.backward",
        "lstm_ext.nn.training.fit",
        "lstm_ext.train.trainer.Trainer.run",
        "lstm_ext.train.checkpoint.load_checkpoint",
        "lstm_ext.train.history.History.from_arrays",
        "lstm_ext.conversion.weights.load_pytorch",
        "lstm_ext.tasks.reber.EmbeddedReber.batch",
        "lstm_ext.explain.walk.walk",
        "lstm_ext.visualization.plots.plot_gate_activations",
    } <= names
    assert not any("._" in name for name in names)


def hangs() -> None:
    time.sleep(60)


def crashes() -> None:
    import ctypes

    ctypes.string_at(0)


def misuses() -> None:
    raise IndexError("place")


def refuses() -> None:
    raise ValueError


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (hangs, ["hang: no answer within 2 seconds"]),
        (crashes, ["crash: SIGSEGV"]),
        (misuses, ["IndexError at tests: 'place'"]),
        (refuses, []),
    ],
)
def test_what_is_found(function: object, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, which a crash ends and a hang does not hold up."""
    script = tmp_path / "worker.py"
    name = getattr(function, "__name__", "")
    script.write_text(
        f"import sys\nsys.path[:0] = {[str(Path(__file__).parents[1]), str(Path(worker.__file__).parent)]!r}\n"
        "import worker\nfrom registry import Public\nfrom fuzz import test_fuzz\n"
        f"worker.functions = lambda area: [Public('it', None, test_fuzz.{name})]\n"
        "worker.main(*map(int, sys.argv[1:4]), '')\n"
    )
    monkeypatch.setattr(fuzz, "WORKER", script)
    assert [(f.number, f.what) for f in fuzz.findings(0, range(1), seconds=2)] == [(0, what) for what in found]
