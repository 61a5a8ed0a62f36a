"""The verification itself: it passes here, covers everything, and finds what is broken on purpose."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from lstm_ext import verify as verify_module
from lstm_ext.engine.backend import available_backends, engine_module
from lstm_ext.errors import MissingError
from lstm_ext.verify import VARIANTS, Report, Row, Verification, verify

HAS_CORE = "c" in available_backends()
HAS_TORCH = find_spec("torch") is not None
KERNELS: tuple[str, ...] = import_module("lstm_ext.engine.core").kernels() if HAS_CORE else ()
ENGINES = [*(("core", kernel) for kernel in KERNELS), ("twin", None)]
#: What PyTorch has, too.
IN_TORCH = {"rnn", "gru reset_after", "lstm"}

needs_core = pytest.mark.skipif(not HAS_CORE, reason="the C core was not built")


def rows_of(*names: tuple[str, str]) -> list[Row]:
    """Rows of some checks, by section and name."""
    verification = Verification()
    checks = {(check.section, check.name): check for check in verification.checks}
    return [row for name in names for row in verification.rows(checks[name])]


def failing(rows: list[Row]) -> set[tuple[str, str]]:
    """Engine and reference of the rows that do not pass."""
    return {(row.engine, row.reference) for row in rows if not row.passed}


def arrays_beyond(rows: list[Row]) -> set[str]:
    return {name for row in rows for name, error in row.errors.items() if not error <= row.bound}


# ------------------------------------------------------------------------------------ it passes


@pytest.fixture(scope="module")
def report() -> Report:
    return verify(seed=3)


@pytest.mark.slow
def test_everything_passes_on_this_machine(report: Report) -> None:
    assert [(row, arrays_beyond([row])) for row in report.failures] == []
    assert report.passed
    assert report.kernels == KERNELS
    assert (report.torch is not None) == HAS_TORCH


@pytest.mark.slow
def test_bounds_are_those_that_are_promised(report: Report) -> None:
    promised = {
        ("twin", "float64"): 1e-12,
        ("twin", "float32"): 1e-5,
        ("textbook", "float64"): 1e-12,
        ("textbook", "float32"): 1e-5,
        ("differences", "float64"): 1e-6,
        ("PyTorch", "float64"): 1e-12,
        ("PyTorch", "float32"): 1e-5,
        ("long double", "float64"): 1e-15,
        ("long double", "float32"): 5e-7,
        ("itself", "float64"): 0.0,
        ("itself", "float32"): 0.0,
    }
    assert {(row.reference, row.dtype): row.bound for row in report.rows}.items() <= promised.items()
    for row in report.rows:
        assert row.bound == promised[row.reference, row.dtype]


@pytest.mark.slow
@pytest.mark.parametrize("section", ["layers", "models"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_cell_meets_every_reference(report: Report, section: str, name: str) -> None:
    expected = {("differences", "float64", *engine) for engine in ENGINES}
    expected |= {("twin", dtype, "core", kernel) for dtype in ("float32", "float64") for kernel in KERNELS}
    expected |= {("textbook", dtype, *engine) for dtype in ("float32", "float64") for engine in ENGINES}
    if HAS_TORCH and name in IN_TORCH:
        expected |= {("PyTorch", dtype, *engine) for dtype in ("float32", "float64") for engine in ENGINES}
    rows = [row for row in report.rows if (row.section, row.name) == (section, name)]
    assert {(row.reference, row.dtype, row.engine, row.kernel) for row in rows} == expected
    assert len(rows) == len(expected)


@pytest.mark.slow
def test_every_array_is_compared(report: Report) -> None:
    rows = {(row.section, row.name, row.engine, row.reference, row.dtype): set(row.errors) for row in report.rows}
    gradients = {"dx", "dh0", "dc0", "dW", "db", "dp"}
    assert rows["layers", "lstm peephole", "twin", "differences", "float64"] == gradients
    assert rows["models", "lstm peephole", "twin", "differences", "float64"] == {
        "dstate", "dW", "db", "dp", "dWy", "dby",
    }  # fmt: skip
    assert rows["layers", "lstm peephole", "twin", "textbook", "float32"] == {"h", "c", "gates", "extra"}
    assert rows["models", "lstm peephole", "twin", "textbook", "float32"] == {"loss", "logits", "gates", "state"}
    of_network = {"dW", "db", "dp", "dv", "dgain"}
    assert rows["networks", "classifier, attention", "twin", "differences", "float64"] == of_network
    assert rows["networks", "regressor", "twin", "differences", "float64"] == {"dx", "dW", "db"}
    if HAS_CORE:
        assert rows["networks", "classifier, attention", "core", "twin", "float32"] == of_network | {"loss"}
        assert rows["layers", "lstm peephole", "core", "twin", "float32"] == gradients | {"h", "c", "gates", "extra"}
        assert rows["layers", "rnn", "core", "twin", "float32"] == {"h", "gates", "dx", "dh0", "dW", "db"}
        assert rows["training", "gru", "core", "twin", "float64"] == {
            "losses", "norms", "parameters", "m", "s", "state",
        }  # fmt: skip
        assert rows["sampling", "top-k", "core", "twin", "float64"] == {"symbols", "state"}
        assert rows["functions", "tanh", "core", "long double", "float32"] == {"absolute", "relative"}
    if HAS_TORCH:
        assert rows["layers", "lstm", "twin", "PyTorch", "float64"] == gradients - {"dp"} | {"h"}
        assert rows["models", "gru reset_after", "twin", "PyTorch", "float64"] == {
            "loss", "logits", "state", "dstate", "dW", "db", "dWy", "dby",
        }  # fmt: skip


def test_another_seed_is_another_network() -> None:
    name = ("layers", "gru")
    seeds = [Verification(seed=seed) for seed in (0, 0, 1)]
    errors = [[row.errors for check in v.checks if (check.section, check.name) == name for row in v.rows(check)]
              for v in seeds]  # fmt: skip
    assert errors[0] == errors[1] != errors[2]


@pytest.mark.slow
def test_a_report_is_ready_for_json(report: Report) -> None:
    found = json.loads(json.dumps(report.to_dict()))
    assert found["passed"] is True
    assert found["seed"] == 3
    assert len(found["rows"]) == len(report.rows)
    assert found["rows"][0]["errors"] == report.rows[0].errors


@needs_core
def test_kernels_can_be_chosen() -> None:
    for kernel in KERNELS:
        verification = Verification(kernels=[kernel])
        rows = [row for check in verification.checks if check.name == "sigmoid" for row in verification.rows(check)]
        assert [row.kernel for row in rows] == [kernel] * 2
    with pytest.raises(ValueError, match="'sse9'"):
        verify(kernels=["sse9"])


# --------------------------------------------------------------------------- something is missing


def test_without_the_core_the_twin_is_checked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_core(name: str | None = None) -> Any:
        if name == "c":
            raise MissingError("backend 'c': the C core is not there.")
        return engine_module(name)

    monkeypatch.setattr(verify_module, "engine_module", no_core)
    verification = Verification()
    assert "C core is not there" in verification.report([]).notes[0]
    found = {}
    for check in verification.checks:
        if (check.section, check.name) in {("layers", "lstm"), ("training", "lstm"), ("functions", "tanh")}:
            rows = verification.rows(check)
            assert all(row.engine == "twin" and row.passed for row in rows)
            found[check.section] = {row.reference for row in rows}
    references = {"textbook", "differences"} | ({"PyTorch"} if HAS_TORCH else set())
    assert found == {"layers": references, "training": set(), "functions": set()}
    with pytest.raises(ValueError, match="avx2"):
        verify(kernels=["avx2"])


def test_without_pytorch_nothing_is_compared_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "lstm_ext.verify.pytorch", raising=False)
    monkeypatch.delattr(verify_module, "pytorch", raising=False)
    verification = Verification()
    report = verification.report([])
    assert report.torch is None
    assert "PyTorch is not installed" in report.notes[-1]
    (check,) = (check for check in verification.checks if (check.section, check.name) == ("layers", "rnn"))
    rows = verification.rows(check)
    assert rows and {row.reference for row in rows} <= {"twin", "textbook", "differences"}


def test_nothing_checked_is_nothing_proven() -> None:
    assert not Verification().report([]).passed


# ------------------------------------------------------------------------------ something is broken


@pytest.fixture(params=available_backends())
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], str]:
    """Puts something else in the place of an engine's function or class, for the core with every kernel; says
    which engine that is."""

    def broken(name: str, wrapper: Callable[[Any], Any]) -> str:
        if request.param == "numpy":
            modules: list[Any] = [engine_module("numpy")]
        elif name == "Engine":
            modules, name = [import_module("lstm_ext.engine.core")], "CoreEngine"
        else:
            modules = [engine_module("c", kernel) for kernel in KERNELS]
        for module in modules:
            monkeypatch.setattr(module, name, wrapper(getattr(module, name)))
        return "core" if request.param == "c" else "twin"

    return broken


Broken = Callable[[str, Callable[[Any], Any]], str]


def check_blame(engine: str, rows: list[Row]) -> None:
    """The engine whose gradients are broken disagrees with everything; the other one only with that engine."""
    expected = {(engine, "differences")}
    if HAS_TORCH:
        expected.add((engine, "PyTorch"))
    if HAS_CORE:
        expected.add(("core", "twin"))
    assert failing(rows) == expected


@pytest.mark.parametrize("gradient", ["dx", "dh0", "dc0", "dWt", "db"])
def test_a_gradient_off_by_a_ten_thousandth_is_named(broken: Broken, gradient: str) -> None:
    def wrapper(layer_backward: Callable[..., Any]) -> Callable[..., Any]:
        def off(*args: Any) -> Any:
            grads = layer_backward(*args)
            states = dict(zip(("dh0", "dc0"), grads.dstate, strict=False))
            array = states[gradient] if gradient in states else getattr(grads, gradient)
            if array is not None:
                array *= 1 + np.random.default_rng(0).choice([-1e-4, 1e-4], array.shape).astype(array.dtype)
            return grads

        return off

    engine = broken("layer_backward", wrapper)
    rows = rows_of(("layers", "lstm"))
    check_blame(engine, rows)
    assert arrays_beyond(rows) == {gradient.replace("Wt", "W")}


def test_a_forgotten_forget_gate_is_named(broken: Broken) -> None:
    """∂c/∂a_f left out, as in many a first attempt, which still learns."""

    def wrapper(layer_backward: Callable[..., Any]) -> Callable[..., Any]:
        def forgetful(weights: Any, acts: Any, *args: Any) -> Any:
            grads = layer_backward(weights, acts, *args)
            f = slice(acts.config.hidden_size, 2 * acts.config.hidden_size)
            grads.dWt[:, f] = grads.db[f] = 0
            return grads

        return forgetful

    engine = broken("layer_backward", wrapper)
    rows = rows_of(("layers", "lstm"), ("layers", "lstm forget forced"))
    check_blame(engine, [row for row in rows if row.name == "lstm"])
    assert arrays_beyond(rows) == {"dW", "db"}
    assert all(row.passed for row in rows if row.name == "lstm forget forced")  # there it has no derivative


@needs_core
@pytest.mark.parametrize("name", ["lstm coupled", "lstm peephole", "gru"])
def test_values_off_by_a_billionth_are_named(broken: Broken, name: str) -> None:
    """Where loss and gradient agree, only other implementations can tell."""

    def wrapper(layer_forward: Callable[..., Any]) -> Callable[..., Any]:
        def off(config: Any, weights: Any, *args: Any) -> Any:
            factor = 1 + 1e-9 * (weights.Wt.dtype == np.float64)
            return layer_forward(config, weights._replace(Wt=weights.Wt * factor), *args)

        return off

    engine = broken("layer_forward", wrapper)
    rows = rows_of(("layers", name))
    assert failing(rows) == {("core", "twin"), (engine, "textbook")}
    assert {"h", "gates", "extra"} <= arrays_beyond(rows)


def test_a_model_that_loses_one_threads_gradient_is_named(broken: Broken) -> None:
    def wrapper(engine_class: Any) -> Any:
        class Lossy(engine_class):  # type: ignore[misc]
            def __init__(self, *args: Any, threads: int = 1) -> None:
                super().__init__(*args, threads=threads)
                self._lossy = threads == 3

            def backward(self, *args: Any, **options: Any) -> Any:
                dstate = super().backward(*args, **options)
                if self._lossy:
                    self.gradient *= 2 / 3
                return dstate

        return Lossy

    engine = broken("Engine", wrapper)
    rows = rows_of(("models", "gru reset_after"))
    check_blame(engine, rows)
    assert arrays_beyond(rows) == {"dW", "db", "dWy", "dby"}


def test_an_optimizer_that_goes_astray_is_named(broken: Broken) -> None:
    def wrapper(step: Callable[..., Any]) -> Callable[..., Any]:
        def off(parameters: np.ndarray, gradient: np.ndarray, moments: np.ndarray, *args: Any) -> Any:
            norm = step(parameters, gradient, moments, *args)
            parameters += 1e-4
            return norm

        return off

    broken("optimizer_step", wrapper)
    rows = rows_of(("optimizers", "adam"))
    assert arrays_beyond(rows) == ({"parameters"} if HAS_CORE or HAS_TORCH else set())


@needs_core
def test_sampling_that_ignores_an_option_is_named(broken: Broken) -> None:
    def wrapper(engine_class: Any) -> Any:
        class Deaf(engine_class):  # type: ignore[misc]
            def sample(self, *args: Any, top_k: int = 0, **options: Any) -> Any:
                return super().sample(*args, **options)

        return Deaf

    broken("Engine", wrapper)
    assert failing(rows_of(("sampling", "top-k"))) == {("core", "twin")}
    assert failing(rows_of(("sampling", "temperature"))) == set()


@needs_core
def test_a_run_that_does_not_repeat_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    core = import_module("lstm_ext.engine.core")
    runs = iter(range(100))

    class Restless(core.CoreEngine):  # type: ignore[misc,name-defined]
        def train(self, *args: Any) -> Any:
            result = super().train(*args)
            self.parameters[:1] = np.nextafter(self.parameters[:1], next(runs) % 2)
            return result

    monkeypatch.setattr(core, "CoreEngine", Restless)
    rows = rows_of(("repetition", "threads: 2"))
    assert arrays_beyond(rows) == {"parameters"}
    assert not any(row.passed for row in rows)


@needs_core
def test_a_coarse_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    core = import_module("lstm_ext.engine.core").Core
    elementwise = core.elementwise
    monkeypatch.setattr(core, "elementwise", lambda self, f, x: elementwise(self, f, x) * x.dtype.type(1 + 1e-6))
    rows = rows_of(*(("functions", name) for name in ("sigmoid", "tanh", "exp")))
    assert not any(row.passed for row in rows)


def test_nan_and_exceptions_fail(broken: Broken) -> None:
    def wrapper(layer_forward: Callable[..., Any]) -> Callable[..., Any]:
        def moody(config: Any, *args: Any) -> Any:
            if config.hidden_size == 65:
                raise RuntimeError("not today")
            acts = layer_forward(config, *args)
            if config.hidden_size == 3:
                acts.h[0, 0, 0] = np.nan
            return acts

        return moody

    engine = broken("layer_forward", wrapper)
    rows = rows_of(("layers", "rnn"))
    bad = [row for row in rows if row.engine == engine and row.reference == "differences"]
    assert bad and all(row.problem == "RuntimeError: not today" for row in bad)
    assert not any(row.passed for row in rows if row.engine == engine)
    if HAS_CORE:
        assert any(np.isnan(row.errors["h"]) for row in rows)
    report = Verification().report(rows)
    assert not report.passed
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["passed"] is False
