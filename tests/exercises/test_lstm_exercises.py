"""The solutions of the exercises on cells, beside lstm_ext and finite differences, at odd sizes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lstm_ext
from lstm_lab.exercises.authoring import ladder_of
from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.grading.inline import InlineRunner, execute


def solution(identifier: str) -> Any:
    module = ModuleType(identifier)
    module.__file__ = f"{identifier}.py"
    assert execute(read_exercise(identifier).solution, module) is None
    return module


def numerical(loss: Callable[[], float], array: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Central differences by every entry of ``array``."""
    gradient = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + epsilon
        above = loss()
        array[place] = kept - epsilon
        gradient[place] = (above - loss()) / (2 * epsilon)
        array[place] = kept
    return gradient


@pytest.mark.parametrize(("D", "H", "V", "T"), [(3, 5, 4, 7), (1, 1, 2, 1), (7, 3, 6, 9)])
def test_the_lstm_is_the_librarys(D: int, H: int, V: int, T: int) -> None:
    rng = np.random.default_rng([D, H, V, T])
    module = solution("build_lstm")
    mine, right = module.LSTM(D, H, V), lstm_ext.LSTM(D, H, V, seed=0)
    names = [kind + gate for kind in "Wb" for gate in "fico"]
    for name in (*names, "Wy", "by"):
        owner = mine.cell if name in names else mine
        setattr(owner, name, rng.normal(0, 0.7, np.shape(getattr(owner, name))))
        setattr(right, name, getattr(owner, name))
    inputs, targets = rng.integers(0, D, T), rng.integers(0, V, T)
    h, c = rng.normal(size=(2, H))
    assert mine.forward(inputs, targets, h, c) == pytest.approx(right.forward(inputs, targets, h, c), rel=1e-12)
    np.testing.assert_allclose(mine.h_states, right.h_states, rtol=1e-10)
    np.testing.assert_allclose(mine.c_states, right.C_states, rtol=1e-10)
    grads, (dh, dc) = mine.backward(), right.backward()
    for name in (*names, "Wy", "by"):
        np.testing.assert_allclose(grads[f"d{name}"], getattr(right, f"d{name}"), rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(grads["dh_prev"], dh, rtol=1e-8, atol=1e-13)
    np.testing.assert_allclose(grads["dc_prev"], dc, rtol=1e-8, atol=1e-13)


def test_the_lstm_cell_passes_a_gradient_check() -> None:
    rng = np.random.default_rng(5)
    cell = solution("build_lstm").LSTMCell(2, 3)
    x, h, c, by_h, by_c = rng.normal(size=2), *rng.normal(size=(4, 3))

    def loss() -> float:
        new_h, new_c, _ = cell.forward(x, h, c)
        return float(by_h @ new_h + by_c @ new_c)

    grads = cell.backward(by_h, by_c, cell.forward(x, h, c)[2])
    arrays = {"dx": x, "dh_prev": h, "dc_prev": c} | {f"d{name}": value for name, value in vars(cell).items()}
    assert arrays.keys() == grads.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(grads[name], numerical(loss, array), rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("no-forget-slope", "dc-prev-without-f"),
        ("gradient-of-the-sum", "dh-not-carried"),
        ("scores-from-c", "loss-summed"),
    ],
)
def test_two_mistakes_at_once_are_told_apart(first: str, second: str) -> None:
    exercise = read_exercise("build_lstm")
    source: str | None = exercise.solution
    for mutant in exercise.mutants:
        if mutant.id in (first, second):
            assert source is not None
            source = mutant.apply(source)
    assert source is not None
    ladder = ladder_of(exercise)
    broken = ladder.climb(exercise.id, InlineRunner(source, [rung.probe for rung in ladder.rungs]), 5).broken
    assert broken is not None and broken.finding is not None
    assert set(broken.finding.code.split("+")) == {first, second}


@pytest.mark.parametrize(("D", "H", "T"), [(3, 5, 7), (1, 1, 1), (6, 2, 9)])
def test_the_gru_is_the_librarys(D: int, H: int, T: int) -> None:
    rng = np.random.default_rng([D, H, T])
    cell = solution("lstm_vs_gru").GRUCell(D, H)
    right = lstm_ext.GRU(D, H, H, seed=0)
    for name in ("Wr", "Wz", "Wh", "br", "bz", "bh"):
        setattr(cell, name, rng.normal(0, 0.7, np.shape(getattr(cell, name))))
        setattr(right, name, getattr(cell, name))
    inputs, targets, start = rng.integers(0, D, T), rng.integers(0, H, T), rng.normal(size=H)
    right.forward(inputs, targets, start)
    h, caches, hs = start, [], []
    for symbol in inputs:
        h, cache = cell.forward(np.eye(D)[symbol], h)
        caches.append(cache)
        hs.append(h)
    np.testing.assert_allclose(hs, right.h_states, rtol=1e-10)
    dh_first, total, dh = right.backward(), {}, np.zeros(H)
    for t in reversed(range(T)):
        p = np.exp(right.Wy @ hs[t] + right.by)
        dy = (p / p.sum() - np.eye(H)[targets[t]]) / T
        grads = cell.backward(right.Wy.T @ dy + dh, caches[t])
        dh = grads["dh_prev"]
        total = {name: total.get(name, 0) + grad for name, grad in grads.items()}
    np.testing.assert_allclose(dh, dh_first, rtol=1e-8, atol=1e-13)
    for name in ("dWr", "dWz", "dWh", "dbr", "dbz", "dbh"):
        np.testing.assert_allclose(total[name], getattr(right, name), rtol=1e-8, atol=1e-13, err_msg=name)


def test_the_gru_cell_passes_a_gradient_check() -> None:
    rng = np.random.default_rng(6)
    cell = solution("lstm_vs_gru").GRUCell(2, 3)
    x, h, by_h = rng.normal(size=2), rng.normal(size=3), rng.normal(size=3)
    grads = cell.backward(by_h, cell.forward(x, h)[1])
    for name, array in ({"dx": x, "dh_prev": h} | {f"d{name}": value for name, value in vars(cell).items()}).items():
        right = numerical(lambda: float(by_h @ cell.forward(x, h)[0]), array)
        np.testing.assert_allclose(grads[name], right, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("D", "H"), [(3, 5), (65, 32), (1, 1)])
def test_parameters_are_counted_as_the_layers_have_them(D: int, H: int) -> None:
    module = solution("lstm_vs_gru")
    for cell, count in (("lstm", module.lstm_parameters), ("gru", module.gru_parameters)):
        config = lstm_ext.LayerConfig(cell, D, H)
        assert count(D, H) == sum(int(np.prod(shape)) for shape in config.parameter_shapes().values())


def test_the_update_gate_for_pytorch_keeps_what_the_textbooks_replaces() -> None:
    module = solution("lstm_vs_gru")
    rng = np.random.default_rng(7)
    W, b, seen = rng.normal(size=(4, 7)), rng.normal(size=4), rng.normal(size=7)
    theirs, bias = module.pytorch_update_gate(W, b)
    np.testing.assert_allclose(module.sigmoid(theirs @ seen + bias), 1 - module.sigmoid(W @ seen + b), rtol=1e-12)


def test_the_lstm_with_peepholes_is_the_librarys() -> None:
    D, H = 2, 3
    rng = np.random.default_rng(8)
    cell = solution("peephole").PeepholeLSTMCell(D, H)
    for name, value in vars(cell).items():
        setattr(cell, name, rng.normal(0, 0.7, value.shape))
    x, h, c, by_h, by_c = rng.normal(size=D), *rng.normal(size=(4, H))
    # The library's order of gates is i, f, g, o; its peepholes' i, f, o.
    right = {
        "W": np.vstack([cell.Wi, cell.Wf, cell.Wc, cell.Wo]),
        "b": np.concatenate([cell.bi, cell.bf, cell.bc, cell.bo]),
        "peephole": np.stack([cell.pi, cell.pf, cell.po]),
    }
    hs, cs, _ = lstm_ext.lstm_forward(x[None, None], h[None], c[None], **right)
    mine_h, mine_c, mine = cell.forward(x, h, c)
    np.testing.assert_allclose(mine_h, hs[0, 0], rtol=1e-12)
    np.testing.assert_allclose(mine_c, cs[0, 0], rtol=1e-12)

    def loss() -> float:
        new_h, new_c, _ = cell.forward(x, h, c)
        return float(by_h @ new_h + by_c @ new_c)

    grads = cell.backward(by_h, by_c, mine)
    arrays = {"dx": x, "dh_prev": h, "dc_prev": c} | {f"d{name}": value for name, value in vars(cell).items()}
    assert arrays.keys() == grads.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(grads[name], numerical(loss, array), rtol=1e-6, atol=1e-9, err_msg=name)
    config = lstm_ext.LayerConfig("lstm", D, H, peephole=True)
    assert solution("peephole").extra_parameters(H)[0] == np.prod(config.parameter_shapes()["peephole"])
