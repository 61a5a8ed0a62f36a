"""Both engines, the core with every kernel, in either precision, against what PyTorch computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from golden.golden import Arrays, Golden, goldens

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.backend import available_backends, engine_module
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import EngineModule, Training
from lstm_ext.nn.numerics import relative_error
from lstm_ext.verify import VARIANTS
from lstm_ext.verify.checks import BOUNDS

pytestmark = pytest.mark.filterwarnings("error")


def engines() -> Iterator[EngineModule]:
    if "c" in available_backends():
        from lstm_ext.engine.core import kernels

        yield from (engine_module("c", kernel) for kernel in kernels())
    yield engine_module("numpy")


@pytest.fixture(params=engines(), ids=lambda engine: engine.kernel or "numpy")
def engine(request: pytest.FixtureRequest) -> EngineModule:
    module: EngineModule = request.param
    return module


def every(file: str) -> pytest.MarkDecorator:
    cases = {name: case for name, case in goldens(file).items() if case.settings["cell"]["cell"] in CELLS}
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


def in_dtype(arrays: Arrays, dtype: str) -> Arrays:
    """New arrays as engines take them: floats in the dtype, symbols and lengths as int32."""
    return {name: array.astype(dtype if array.dtype.kind == "f" else np.int32) for name, array in arrays.items()}


def flat(config: ModelConfig, arrays: Arrays, prefix: str = "") -> np.ndarray:
    """Named parameters, or their gradients, in the order and layout in which engines have them."""
    parts = [
        arrays[f"{prefix}{name.removesuffix('t')}"].T if name.endswith(".Wt") else arrays[prefix + name]
        for name in config.parameter_shapes()
    ]
    return np.concatenate([part.reshape(-1) for part in parts])


def check(results: dict[str, Any], expected: Arrays, bound: float, dtype: str) -> None:
    assert set(results) == set(expected)
    for name, array in expected.items():
        assert relative_error(results[name], array) <= bound, (name, dtype)


def test_every_cell_and_option_has_golden_arrays() -> None:
    """With whatever constant in the place of a forced gate's."""

    def kind(options: dict[str, Any]) -> tuple[str, ...]:
        flags = (name for name in ("reset_after", "peephole", "coupled") if options.get(name))
        return options["cell"], *flags, *options.get("force", {})

    for file, count in (("layers", 3), ("models", 1)):
        kinds = [kind(case.settings["cell"]) for case in goldens(file).values()]
        cells = {cell for cell, *_ in kinds}  # a new cell may do without, beside PyTorch's
        assert cells >= {name for name, cell in CELLS.items() if "PyTorch" in cell.counterparts}
        assert all(kinds.count(kind(options)) == count for options in VARIANTS.values() if options["cell"] in cells)


@every("layers")
def test_layers(engine: EngineModule, case: Golden) -> None:
    """States and every gradient: forward from numbers; wide, in reverse and of several lengths; symbols and a mask."""
    config = LayerConfig(**{name: value for name, value in case.settings.items() if name != "cell"},
                         **case.settings["cell"])  # fmt: skip
    for dtype, bound in BOUNDS.items():
        a = in_dtype(case.given, dtype)
        weights = Weights(np.ascontiguousarray(a["W"].T), a["b"], a.get("peephole"))
        state, dfinal = (
            np.stack([a[name] for name in names if name in a]) for names in (("h0", "c0"), ("dh_T", "dc_T"))
        )
        acts = engine.layer_forward(config, weights, a["x"], state, a.get("lengths"), a.get("mask"))
        grads = engine.layer_backward(weights, acts, a["dh"], dfinal)
        results = {"h": acts.output, "dW": grads.dWt.T, "db": grads.db, "dx": grads.dx, "dpeephole": grads.dpeephole}
        results |= dict(zip(("dh0", "dc0"), grads.dstate, strict=False))
        results = {name: array for name, array in results.items() if array is not None}
        if acts.c is not None:
            results["c"] = acts.c_output
        check(results, case.expected, bound, dtype)


def model_config(case: Golden, dtype: str) -> ModelConfig:
    s = case.settings
    return ModelConfig(
        s["symbols"], s["hidden_size"], s["symbols"], num_layers=s["num_layers"], dtype=dtype, **s["cell"]
    )


@every("models")
def test_models(engine: EngineModule, case: Golden) -> None:
    """Loss, logits, state and every gradient of a language model; some targets are −1."""
    for dtype, bound in BOUNDS.items():
        config, a = model_config(case, dtype), in_dtype(case.given, dtype)
        parameters, state = flat(config, a), a["state"]
        gradient = np.full_like(parameters, np.nan)
        model = engine.Engine(config, parameters, gradient)
        loss = model.forward(a["inputs"], a["targets"], state)
        results = {"loss": loss, "logits": model.logits(), "state": state, "dstate": model.backward(a["dstate"])}
        expected = {name: case.expected[name] for name in results}
        gradients = flat(config, case.expected, "d")
        check(results | {"gradient": gradient}, expected | {"gradient": gradients}, bound, dtype)


@every("training")
def test_training(engine: EngineModule, case: Golden) -> None:
    """Twenty steps: each loss, each norm, and the state and weights in the end."""
    for dtype, bound in BOUNDS.items():
        config, a = model_config(case, dtype), in_dtype(case.given, dtype)
        parameters, state, optimizer = flat(config, a), a["state"], OptimizerConfig(**case.settings["optimizer"])
        model, moments = engine.Engine(config, parameters, np.zeros_like(parameters)), np.zeros((2, len(parameters)))
        lrs = case.given["lrs"].astype(np.float64)
        result = model.train(a["inputs"], a["targets"], state, Training(optimizer, moments.astype(dtype), 1, lrs, 0))
        results = {"losses": result.losses, "norms": result.norms, "state": state}
        expected = {name: case.expected[name] for name in results}
        # Each step makes the rounding errors of those before it a little larger.
        parameters_there = {"parameters": flat(config, case.expected)}
        check(results | {"parameters": parameters}, expected | parameters_there, 20 * bound, dtype)


@pytest.mark.parametrize("name", goldens("updates"))
def test_optimizers(engine: EngineModule, name: str) -> None:
    """Parameters after every step, and the norms before clipping, in either of the two ways to make a step."""
    case = goldens("updates")[name]
    optimizer, lrs = OptimizerConfig(**case.settings), case.given["lrs"].astype(float).tolist()
    for dtype, bound in BOUNDS.items():
        for way in ("update", "optimizer_step"):
            a = in_dtype(case.given, dtype)
            parameters, moments, after, norms = a["parameters"], np.zeros((2, 26), dtype), [], []
            gradient = np.zeros_like(parameters)
            model = engine.Engine(ModelConfig(2, 3, 2, cell="rnn", dtype=dtype), parameters, gradient)
            for step, lr in enumerate(lrs, start=1):
                gradient[...] = a["gradients"][step - 1]
                if way == "update":
                    norms.append(model.update(optimizer, moments, step, lr))
                else:
                    norms.append(engine.optimizer_step(parameters, gradient, moments, optimizer, step, lr))
                after.append(parameters.copy())
            check({"parameters": np.array(after), "norms": np.array(norms)}, case.expected, bound, f"{dtype}, {way}")
