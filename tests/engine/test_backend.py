"""Which engine is chosen, and what is said when the C core is missing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lstm_ext.engine import twin
from lstm_ext.engine.backend import available_backends, backend_name, engine_module

#: Makes ``lstm_ext.engine.core`` impossible to import, as on a machine where it was not built.
WITHOUT_CORE = """
import sys
sys.modules["lstm_ext.engine.core"] = None
from lstm_ext.engine import backend
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "LSTM_LAB_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_CORE + code], env={**env, **environment}, capture_output=True, text=True
    )


def test_numpy_is_always_there() -> None:
    assert engine_module("numpy").Engine is twin.Engine
    assert available_backends()[-1] == "numpy"


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_LAB_BACKEND", "numpy")
    assert backend_name() == "numpy"
    assert engine_module().Engine is twin.Engine
    monkeypatch.setenv("LSTM_LAB_BACKEND", "")
    assert backend_name() == available_backends()[0]


def test_unknown_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"backend: got 'cuda', expected one of c, numpy"):
        engine_module("cuda")
    monkeypatch.setenv("LSTM_LAB_BACKEND", "torch")
    with pytest.raises(ValueError, match="LSTM_LAB_BACKEND: got 'torch'"):
        engine_module()


def test_without_the_core_one_notice_and_numpy() -> None:
    result = run("print({backend.engine_module().__name__ for _ in range(3)}, backend.available_backends())")
    assert result.stdout.strip() == "{'lstm_ext.engine.twin'} ('numpy',)"
    assert result.stderr.count("\n") == 1
    assert "C compiler" in result.stderr and "NumPy" in result.stderr


def test_no_notice_where_numpy_was_asked_for() -> None:
    assert run("backend.engine_module()", LSTM_LAB_BACKEND="numpy").stderr == ""
    assert run("backend.engine_module('numpy'); backend.backend_name()").stderr == ""


@pytest.mark.parametrize(("code", "environment"), [("'c'", {}), ("", {"LSTM_LAB_BACKEND": "c"})])
def test_asking_for_a_core_that_is_not_there(code: str, environment: dict[str, str]) -> None:
    result = run(f"backend.engine_module({code})", **environment)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("lstm_ext.errors.MissingError: backend 'c'") and "C compiler" in last
