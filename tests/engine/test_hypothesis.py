"""Core against twin wherever Hypothesis looks: any sizes, options, lengths, dtypes, threads and kernels.

The examples are the same every time, so this passes always or never. To look elsewhere, this many
times: ``LSTM_LAB_EXAMPLES=2000 pytest tests/test_hypothesis.py``.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lstm_ext.cells import CELLS
from lstm_ext.cells.cell import Cell
from lstm_ext.cells.config import LayerConfig
from lstm_ext.engine import twin
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.config import OPTIMIZERS, ModelConfig, OptimizerConfig
from lstm_ext.engine.interface import EngineModule, Training
from lstm_ext.verify.cases import (
    Case,
    ModelCase,
    Results,
    parameter_gradients,
    random_layer,
    random_model,
    random_sampling,
    random_training,
    stacked,
)
from lstm_ext.verify.checks import BOUNDS, relative_errors

core = pytest.importorskip("lstm_ext.engine.core", reason="the C core was not built")

pytestmark = pytest.mark.slow

ASKED = int(os.environ.get("LSTM_LAB_EXAMPLES", "0"))
examples = settings(
    max_examples=ASKED or 400,
    derandomize=not ASKED,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

kernels = st.sampled_from(core.kernels())
dtypes = st.sampled_from(sorted(BOUNDS))
seeds = st.integers(0, 2**32 - 1)
steps = st.integers(1, 6)
batches = st.integers(1, 14)  # a tile has up to 12 rows
threads = st.integers(1, 3)
# One, a vector of any kernel, two of them, and a number more or less.
widths = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65])


def options_of(cell: Cell) -> st.SearchStrategy[dict[str, Any]]:
    options: dict[str, st.SearchStrategy[Any]] = {"cell": st.just(cell.name)}
    options |= {switch: st.booleans() for switch in cell.switches}
    if cell.forceable:
        options["force"] = st.dictionaries(st.sampled_from(cell.forceable), st.floats(0, 1, allow_subnormal=False))
    return st.fixed_dictionaries(options)


cells = st.one_of(*(options_of(cell) for cell in CELLS.values()))
optimizers = st.builds(
    OptimizerConfig,
    st.sampled_from(OPTIMIZERS),
    momentum=st.sampled_from([0.0, 0.9]),
    clip_norm=st.sampled_from([0.0, 0.05, 1e6]),
    clip_value=st.sampled_from([0.0, 0.01, 1e6]),
)


@st.composite
def models(draw: st.DrawFn) -> ModelConfig:
    return ModelConfig(
        draw(st.integers(1, 40)),
        draw(widths),
        draw(st.integers(1, 40)),
        num_layers=draw(st.integers(1, 3)),
        dropout=draw(st.sampled_from([0.0, 0.1, 0.5])),
        dtype=draw(dtypes),
        **draw(cells),
    )


def compare(kernel: str, dtype: str, cases: list[Any]) -> None:
    """Every array of the cases, as one, within the bound."""
    expected = stacked([case.results(twin) for case in cases])
    engine = engine_module("c", kernel)
    results = stacked([case.results(engine) for case in cases])
    assert set(results) == set(expected)
    errors = relative_errors(results, expected)
    assert all(error <= BOUNDS[dtype] for error in errors.values()), errors


def draws(*sizes: int) -> range:
    """So many that the smallest array has a dozen numbers: a single one may be 0 but for rounding."""
    return range(max(1, 12 // min(sizes)))


@examples
@given(cells, steps, batches, st.integers(1, 40), widths, st.data(), dtypes, kernels, seeds)
def test_layers(
    options: dict[str, Any], T: int, B: int, D: int, H: int, data: st.DataObject, dtype: str, kernel: str, seed: int
) -> None:
    lengths = data.draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B), label="lengths")
    symbols, reverse, masked = (data.draw(st.booleans(), label=name) for name in ("symbols", "reverse", "masked"))
    config = LayerConfig(input_size=D, hidden_size=H, reverse=reverse, **options)
    cases = [
        random_layer(config, T, B, symbols=symbols, lengths=lengths, masked=masked, dtype=dtype, seed=(seed, draw))
        for draw in draws(H, T * B * D)
    ]
    compare(kernel, dtype, cases)


@examples
@given(models(), steps, batches, threads, st.sampled_from([0.0, 0.3, 1.0]), kernels, seeds)
# NumPy 2.4 negates the wrong entries of gates that lie 16 bytes apart.
@example(config=ModelConfig(2, 1, 2), T=4, B=2, threads=1, counted=1.0, kernel="portable", seed=0)
def test_models(config: ModelConfig, T: int, B: int, threads: int, counted: float, kernel: str, seed: int) -> None:
    cases = []
    for draw in draws(config.hidden_size, config.output_size):
        case = random_model(config, T, B, threads=threads, counted=counted, seed=(seed, draw))
        cases.append(case if counted else replace(case, targets=np.full_like(case.targets, -1)))
    compare(kernel, config.dtype, cases)


@examples
@given(models(), steps, batches, threads, st.integers(1, 3), optimizers, kernels, seeds)
def test_training(
    config: ModelConfig, T: int, B: int, threads: int, updates: int, optimizer: OptimizerConfig, kernel: str, seed: int
) -> None:
    cases = [
        random_training(config, optimizer, T, B, updates=updates, threads=threads, seed=(seed, draw))
        for draw in draws(config.hidden_size, config.output_size)
    ]
    compare(kernel, config.dtype, cases)


@examples
@given(
    models(),
    st.fixed_dictionaries(
        {
            "temperature": st.sampled_from([0.0, 1e-9, 0.5, 1.0, 2.5]),
            "top_k": st.integers(0, 45),
            "top_p": st.floats(0.01, 1.0),
        }
    ),
    kernels,
    seeds,
)
def test_sampling(config: ModelConfig, options: dict[str, Any], kernel: str, seed: int) -> None:
    config = replace(config, input_size=max(config.input_size, config.output_size))
    if config.dtype == "float32":  # what `random_sampling` can make the same to the last bit
        config = ModelConfig(config.input_size, config.hidden_size, config.output_size, cell="rnn")
    compare(kernel, config.dtype, [random_sampling(config, options, seed=(seed, draw)) for draw in range(2)])


class SeveralCalls(Case):
    """One engine, and one call after the other, of any sizes: what it keeps of one must not matter to the next."""

    def __init__(self, config: ModelConfig, threads: int, calls: list[tuple[str, int, int]], seed: int) -> None:
        self.config, self.threads = config, threads
        self.calls = [
            (call, random_model(config, T, B, threads=threads, seed=(seed, n))) for n, (call, T, B) in enumerate(calls)
        ]

    def results(self, engine: EngineModule) -> Results:
        parameters = self.calls[0][1].parameters.copy()
        gradient = np.zeros_like(parameters)
        moments = np.zeros((2, len(parameters)), parameters.dtype)
        model = engine.Engine(self.config, parameters, gradient, threads=self.threads)
        results: Results = {}
        for n, (call, case) in enumerate(self.calls):
            results |= {f"{name} {n}": array.copy() for name, array in self._call(model, call, case, moments).items()}
            results |= {
                f"{name} {n}": array.copy() for name, array in parameter_gradients(self.config, gradient).items()
            }
        return results

    def _call(self, model: Any, call: str, case: ModelCase, moments: np.ndarray) -> Results:
        state, random = case.state.copy(), np.random.default_rng(1)
        if call == "train":
            optimizer = OptimizerConfig("sgd", clip_norm=0.1)
            result = model.train(
                case.inputs[None], case.targets[None], state, Training(optimizer, moments, 3, np.array([0.01]), 5)
            )
            return {"losses": result.losses, "norms": result.norms, "state": state}
        if call == "sample":
            one = np.ascontiguousarray(state[:, :, :1])
            drawn = model.sample(one, int(case.inputs[0, 0]), 5, temperature=0.0)
            return {"symbols": drawn, "state": one}
        loss = model.forward(
            case.inputs, None if call == "dlogits" else case.targets, state, dropout_key=case.dropout_key,
            keep=call != "evaluate",
        )  # fmt: skip
        results = {"loss": np.nan_to_num(np.array(loss)), "logits": model.logits(), "state": state}
        if call == "dlogits":
            shape = results["logits"].shape
            results["dstate"] = model.backward(dlogits=random.normal(size=shape).astype(self.config.dtype))
        elif call == "backward":
            results["dstate"] = model.backward(case.dstate)
            results["gates"] = model.activations(self.config.num_layers - 1).gates
        return results


calls = st.tuples(st.sampled_from(["backward", "dlogits", "evaluate", "train", "sample"]), steps, batches)


@examples
@given(models(), threads, st.lists(calls, min_size=1, max_size=6), kernels, seeds)
def test_one_engine_called_again_and_again(
    config: ModelConfig, threads: int, calls: list[tuple[str, int, int]], kernel: str, seed: int
) -> None:
    # float64: which symbol is the likeliest is then never in doubt.
    size = max(config.input_size, config.output_size)
    config = replace(config, input_size=size, dtype="float64")
    compare(
        kernel, "float64", [SeveralCalls(config, threads, calls, seed + draw) for draw in draws(config.hidden_size)]
    )
