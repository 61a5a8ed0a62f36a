"""The loss curve: what its buckets hold, and that memory stays bounded."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_ext.train import history as history_module
from lstm_ext.train.history import CAPACITY, History


def losses(count: int) -> np.ndarray:
    return np.random.default_rng(count).gamma(2.0, 1.0, count)


def test_nothing_yet() -> None:
    history = History()
    assert math.isnan(history.smoothed)
    assert history.val_loss is history.val_step is history.best_val is None
    assert all(len(array) == 0 for array in vars(history.view()).values())


def test_short_run_keeps_every_step() -> None:
    x = losses(300)
    history = History()
    history.add(1, x)
    view = history.view()
    np.testing.assert_array_equal(view.steps, np.arange(1, 301))
    for name in ("loss", "low", "high"):
        np.testing.assert_array_equal(getattr(view, name), x)


def test_smoothed_weighs_later_losses_more_and_forgets_the_first() -> None:
    x = losses(5000)
    history = History()
    history.add(1, x)
    assert history.smoothed == history.view().smoothed[-1]
    short = History()
    short.add(1, x[:30])
    smoothed = short.view().smoothed
    np.testing.assert_allclose(smoothed[:20], x[:20], rtol=1e-14)  # weight 1
    assert smoothed[24] == pytest.approx(0.2 * smoothed[23] + 0.8 * x[24], rel=1e-12)  # step 25: 20/25
    smoothed_before = float(history.smoothed)
    history.add(5001, [3.5])
    assert history.smoothed == pytest.approx(0.99 * smoothed_before + 0.01 * 3.5, rel=1e-12)


def falling(steps: int, seed: int) -> np.ndarray:
    """Losses as they fall in a run from ln 65 on: fast at first, with the noise between batches."""
    n = np.arange(1, steps + 1)
    noise = np.random.default_rng(seed).normal(0.0, 0.05, steps)
    return 1.6 + 2.57 * np.exp(-n / 120.0) + noise


@pytest.mark.parametrize("seed", range(3))
def test_the_smoothed_line_runs_through_the_dots(seed: int) -> None:
    """In the first 300 steps the line lies where the dots lie, not above them: the mean over everything so far, and
    the usual average over 100 steps, lie half a nat too high."""
    x = falling(600, seed)
    history = History()
    history.add(1, x)
    smoothed = history.view().smoothed
    n = np.arange(10, 300)
    local = np.array([x[step - step // 20 - 1 : step + step // 20 + 2].mean() for step in n])
    off = smoothed[n] - local
    assert abs(off).max() < 0.15
    assert abs(off.mean()) < 0.06
    assert 0.3 < (smoothed[n] > x[n]).mean() < 0.9


def test_a_checkpoint_of_the_average_from_zero_is_continued() -> None:
    """Earlier versions kept an average that started at 0 beside the curve; the curve's last value counts."""
    history = History()
    history.add(1, [4.0] * 10)
    arrays = history.arrays()
    arrays["scalars"][1] = 0.4
    continued = History.from_arrays(arrays)
    assert continued.smoothed == 4.0
    continued.add(11, [4.0])
    assert continued.smoothed == 4.0


@pytest.mark.parametrize("count", [CAPACITY, CAPACITY + 1, 2 * CAPACITY + 1, 5000, 12345])
def test_buckets_of_long_runs(count: int) -> None:
    x = losses(count)
    history = History()
    history.add(1, x)
    view = history.view()
    width = history.width
    assert CAPACITY / 2 < len(view.steps) <= CAPACITY
    assert width == 2 ** max(0, math.ceil(math.log2(count / CAPACITY)))
    parts = [x[start : start + width] for start in range(0, count, width)]
    np.testing.assert_array_equal(view.steps, np.minimum(np.arange(1, len(parts) + 1) * width, count))
    np.testing.assert_allclose(view.loss, [part.mean() for part in parts], rtol=1e-13)
    np.testing.assert_array_equal(view.low, [part.min() for part in parts])
    np.testing.assert_array_equal(view.high, [part.max() for part in parts])


@given(cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_the_same_however_it_is_handed_over(cuts: list[int]) -> None:
    x, norms, rates = losses(3000), losses(3000)[::-1], np.linspace(0.1, 0.01, 3000)
    at_once, in_parts = History(), History()
    at_once.add(1, x, norms, rates, 1.5)
    edges = [0, *sorted(cuts), 3000]
    for begin, end in pairwise(edges):
        in_parts.add(begin + 1, x[begin:end], norms[begin:end], rates[begin:end], 1.5)
        in_parts = History.from_arrays(in_parts.arrays())
    for name, array in vars(at_once.view()).items():
        np.testing.assert_array_equal(array, getattr(in_parts.view(), name), err_msg=name)


@pytest.mark.parametrize("count", [700, 2 * CAPACITY + 3])
def test_what_the_updates_were(count: int) -> None:
    norms, rates = losses(count), np.linspace(1.0, 0.1, count)
    history = History()
    history.add(1, losses(count), norms, rates, 2.0)
    view = history.view()
    parts = [norms[start : start + history.width] for start in range(0, count, history.width)]
    np.testing.assert_allclose(view.norm, [part.mean() for part in parts], rtol=1e-13)
    np.testing.assert_array_equal(view.norm_low, [part.min() for part in parts])
    np.testing.assert_array_equal(view.norm_high, [part.max() for part in parts])
    np.testing.assert_allclose(view.clipped, [(part > 2.0).mean() for part in parts], rtol=1e-13)
    np.testing.assert_array_equal(view.rate, rates[view.steps.astype(int) - 1])


def test_without_clipping_nothing_is_clipped() -> None:
    history = History()
    history.add(1, losses(20), losses(20), [0.1] * 20, 0.0)
    assert history.view().clipped.tolist() == [0.0] * 20


def test_a_checkpoint_that_kept_no_updates_is_continued() -> None:
    """Of a bucket whose first steps are from an earlier version, the norms of the others count."""
    history = History()
    history.add(1, losses(CAPACITY + 1))  # the last bucket has room for one more
    arrays = history.arrays()
    del arrays["updates"]
    History.check_header({name: (array.dtype.name, array.shape) for name, array in arrays.items()})
    continued = History.from_arrays(arrays)
    assert all(np.isnan(getattr(continued.view(), name)).all() for name in ("norm", "norm_low", "norm_high", "rate"))
    continued.add(CAPACITY + 2, [1.0, 1.0], [3.0, 0.5], [0.2, 0.1], 1.0)
    view = continued.view()
    assert np.isnan(view.norm[:-2]).all() and np.isnan(view.clipped[:-2]).all()
    assert (view.norm[-2:].tolist(), view.clipped[-2:].tolist()) == ([3.0, 0.5], [1.0, 0.0])
    assert (view.norm_low[-2], view.norm_high[-2], view.rate[-1]) == (3.0, 3.0, 0.1)


def test_validation_losses_and_learning_rates_are_thinned_but_not_the_last() -> None:
    history = History()
    for n in range(1, CAPACITY + 2):
        history.add_validation(10 * n, 1.0 + abs(n - 7) / 100)
        history.add_lr(n, 1.0 / n)
    view = history.view()
    assert len(view.val_steps) == len(view.lrs) == CAPACITY // 2 + 1
    assert (history.val_step, history.val_loss) == (view.val_steps[-1], view.val_loss[-1])
    assert view.val_steps[-1] == 10 * (CAPACITY + 1)
    assert view.val_steps[0] == 20
    assert history.best_val == 1.0  # of step 70, which is no longer there
    assert 70 not in view.val_steps
    assert view.lrs[-1] == 1.0 / (CAPACITY + 1)


def test_only_changes_of_the_learning_rate_are_kept() -> None:
    history = History()
    for step, lr in ((1, 0.1), (5, 0.1), (9, 0.2), (12, 0.2), (13, 0.1)):
        history.add_lr(step, lr)
    view = history.view()
    assert (view.lr_steps.tolist(), view.lrs.tolist()) == ([1, 9, 13], [0.1, 0.2, 0.1])


def test_a_view_does_not_change_afterwards() -> None:
    history = History()
    history.add(1, [3.0])
    view = history.view()
    history.add(2, [1.0])
    history.add_validation(2, 2.0)
    assert (view.loss.tolist(), view.val_loss.tolist()) == ([3.0], [])


def test_arrays_bring_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "CAPACITY", 8)
    history = History()
    history.add(1, losses(21), losses(21)[::-1], np.full(21, 0.002), 1.0)
    history.add_validation(20, 1.5)
    history.add_validation(21, 1.25)
    history.add_lr(1, 0.002)
    other = History.from_arrays(history.arrays())
    for name, array in vars(history.view()).items():
        np.testing.assert_array_equal(array, getattr(other.view(), name), err_msg=name)
    assert (other.width, other.smoothed, other.best_val, other.val_step) == (4, history.smoothed, 1.25, 21)


def test_the_best_and_how_long_ago_it_was() -> None:
    history = History()
    best = [history.add_validation(10 * n, loss) for n, loss in enumerate([2.0, 1.5, 1.5, math.nan, 1.6], 1)]
    assert best == [True, True, False, False, False]
    for same in (history, History.from_arrays(history.arrays())):
        assert (same.best_val, same.best_step, same.since_best) == (1.5, 20, 3)
    assert history.add_validation(60, 1.4)
    assert (history.best_val, history.best_step, history.since_best) == (1.4, 60, 0)
    history.forget_best()
    assert (history.best_val, history.best_step, history.since_best) == (None, 0, 0)
    assert history.add_validation(70, 9.0)
    assert history.val_loss == 9.0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("buckets", np.zeros((3, 5))),
        ("buckets", np.zeros((CAPACITY + 1, 6))),
        ("updates", np.zeros((3, 6))),
        ("validation", np.array([[2.0, 1.0], [1.0, 1.0]])),
        ("lrs", np.array([[2.0, 1.0], [1.0, 1.0]])),
        ("validation", np.zeros((3, 2), dtype=np.float32)),
        ("validation", np.array([[math.nan, 1.0]])),
        ("lrs", np.zeros(4)),
        ("scalars", np.zeros(3)),
        ("scalars", np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])),
        ("scalars", np.array([1.0, math.nan, 1.0, 1.0, 1.0, 1.0])),
        ("scalars", np.array([1.0, 1.0, math.inf, 1.0, 1.0, 1.0])),
        ("scalars", np.array([1.0, 1.0, 1.0, 1.0, -1.0, 1.0])),
        ("scalars", np.array([1.0, 1.0, 1.0, 1.0, 1.0, math.nan])),
    ],
)
def test_arrays_of_something_else_are_refused(name: str, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError):
        History.from_arrays({**History().arrays(), name: wrong})
