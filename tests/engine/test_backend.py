"""Which engine is chosen, and what is said when the C core is missing."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from lstm_ext import LanguageModel
from lstm_ext.engine import twin
from lstm_ext.engine.backend import available_backends, backend_name, engine_module
from lstm_ext.engine.config import ModelConfig, OptimizerConfig

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


@pytest.mark.skipif("c" not in available_backends(), reason="the C core was not built")
def test_kernels_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which kernel computes is the engine's own matter: one is built after the other, and then they take turns."""
    core = importlib.import_module("lstm_ext.engine.core")
    default = core.default_kernel()
    monkeypatch.setenv("LSTM_LAB_KERNEL", "no longer read")
    assert engine_module("c").kernel == engine_module("c", default).kernel == default
    config = ModelConfig(9, 37, 9, num_layers=2)
    symbols = np.random.default_rng(1).integers(0, 9, (2, 11, 5)).astype(np.int32)

    def trained(kernels: tuple[str, ...]) -> dict[str, bytes]:
        models = {kernel: LanguageModel(config, kernel=kernel) for kernel in kernels}
        assert [model.copy().kernel for model in models.values()] == list(kernels)
        moments = {kernel: np.zeros((2, config.num_parameters), np.float32) for kernel in kernels}
        for step in range(1, 4):
            for kernel, model in models.items():
                model.engine.forward(*symbols, model.zero_state(5))
                model.engine.backward()
                model.engine.update(OptimizerConfig(), moments[kernel], step, 0.01)
        return {kernel: model.parameters.tobytes() for kernel, model in models.items()}

    together = trained(core.kernels())
    for kernel in core.kernels():
        assert trained((kernel,)) == {kernel: together[kernel]}
    assert len(set(together.values())) == len(together)  # they round differently, so each was really used


def test_kernels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel: got 'sse9'"):
        engine_module(available_backends()[0], "sse9")
    with pytest.raises(ValueError, match="kernel: got 'portable' for backend 'numpy'"):
        engine_module("numpy", "portable")
    with pytest.raises(ValueError, match="threads: got 0"):
        engine_module(threads=0)


@pytest.mark.skipif("c" not in available_backends(), reason="the C core was not built")
@pytest.mark.parametrize(("kernel", "code"), [("portable", 0), ("sse9", 1), ("", 0)])
def test_the_environment_chooses_the_default_kernel(kernel: str, code: int) -> None:
    program = "from lstm_ext.engine.backend import engine_module; print(engine_module('c').kernel)"
    environment = {**os.environ, "LSTM_LAB_KERNEL": kernel}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == code
    if code:
        assert "LSTM_LAB_KERNEL: got 'sse9'" in result.stderr
    elif kernel:
        assert result.stdout.strip() == kernel


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
