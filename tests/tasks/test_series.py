"""Series: waves, baselines, splitting and scaling, CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from lstm_ext.errors import DataError
from lstm_ext.tasks import csv_file, series


def test_sine_waves_continue_themselves() -> None:
    past, _, future = series.SineWaves(past=30, future=7).batch(default_rng(0), 5)
    assert past.shape == (30, 5, 1) and future.shape == (7, 5, 1)
    values = np.concatenate([past, future])
    # x[t+1] = 2·cos(ω)·x[t] − x[t−1] for any phase
    np.testing.assert_allclose(values[2:], 2 * np.cos(2 * np.pi / 29.5) * values[1:-1] - values[:-2], atol=1e-12)


def test_sine_waves_draw_one_frequency_per_window_and_noise_of_the_size_asked_for() -> None:
    past, _, future = series.SineWaves(frequency=(0.7, 1.5)).batch(default_rng(0), 4000)
    values = np.concatenate([past, future])
    cosine = (values[2:] + values[:-2])[10] / (2 * values[11])
    frequency = np.arccos(np.clip(cosine, -1, 1)) * 29.5 / (2 * np.pi)
    assert np.quantile(frequency, (0.01, 0.5, 0.99)) == pytest.approx((0.708, 1.1, 1.492), abs=0.03)
    noisy = series.SineWaves(noise=0.1).batch(default_rng(5), 4000)
    clean = series.SineWaves().batch(default_rng(5), 4000)
    assert np.std(noisy.targets - clean.targets) == pytest.approx(0.1, abs=0.002)


def test_forecast_baselines_of_sine_waves() -> None:
    waves = series.SineWaves()
    errors = series.forecast_baselines(waves.batch(default_rng(0), 500), waves.batch(default_rng(1), 2000))
    assert errors["mean"] == pytest.approx(0.5, abs=0.02)
    assert errors["persistence"] == pytest.approx(0.68, abs=0.03)
    assert errors["linear-2"] < 1e-20
    random = series.SineWaves(frequency=(0.7, 1.5))
    errors = series.forecast_baselines(random.batch(default_rng(0), 2000), random.batch(default_rng(1), 2000))
    assert 0.03 < errors["linear-2"] < 0.12 and errors["linear-20"] < 1e-5


def test_a_series_is_split_by_time_and_scaled_by_its_first_part() -> None:
    values = np.concatenate([np.arange(80.0), np.full(20, 1e6)])
    split = series.SplitSeries(values, past=5, future=3, test=0.2)
    assert (split.mean, split.deviation) == (39.5, np.arange(80.0).std())
    train = split.batch(default_rng(0), 500)
    back = np.concatenate([train.inputs, train.targets]) * split.deviation + split.mean
    assert back.max() == pytest.approx(79) and back.min() == pytest.approx(0)
    np.testing.assert_allclose(np.diff(back, axis=0), 1)
    test = split.test()
    assert test.inputs.shape == (5, 18, 1)
    future = test.targets * split.deviation + split.mean
    np.testing.assert_allclose(future, 1e6)  # never a value that was learned from
    np.testing.assert_allclose(test.inputs[:, 0, 0] * split.deviation + split.mean, np.arange(75, 80))


def test_a_short_series_is_refused() -> None:
    with pytest.raises(DataError, match=r"has 70 values, too few for windows of 50 \+ 10"):
        series.SplitSeries(np.arange(70.0))


def test_csv_series(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("day;min;max\nMon;1,5;2\nTue;3;4\n")
    assert csv_file.read_csv_series(path)[0] == "max"
    np.testing.assert_array_equal(csv_file.read_csv_series(path)[1], [2, 4])
    path.write_text("1,2\n3,4\n\n5,6e1\n")
    name, values = csv_file.read_csv_series(path)
    assert name == "column 2" and values.tolist() == [2, 4, 60]
    path.write_text("a,b\n1,2\n3,4\n")
    assert csv_file.read_csv_series(path, "a")[1].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,b\n1,2\n3,x\n", None, "f:3: got 'x', expected a finite number"),
        ("a,b\n1,2\n3\n", None, "f:3: got '', expected a finite number"),
        ("a\n1\nnan\n", None, "f:3: got 'nan', expected a finite number"),
        ("a,b\n1,2\n", "c", "f: has no column 'c', only a, b"),
        ("a\nx\ny\n", None, "f: has no column of numbers"),
        ("a\n", None, "f: has 1 lines, expected a series"),
    ],
)
def test_csv_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, column: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f").write_text(text)
    with pytest.raises(DataError) as error:
        csv_file.read_csv_series("f", column)
    assert str(error.value) == message


def test_forecasts_come_back_in_the_series_own_units() -> None:
    values = 20 + 5 * np.random.default_rng(0).normal(size=300)
    split = series.SplitSeries(values, past=8, future=3)
    test = split.test()
    np.testing.assert_allclose(split.unscale(test.targets)[0, :, 0], values[240 : 240 + test.targets.shape[1]])
    np.testing.assert_allclose(split.scale(values)[:240], split.train_values)
    np.testing.assert_allclose(split.unscale(split.scale([[1.0, 2.0]])), [[1, 2]])
    assert abs(split.scale(values[:240]).mean()) < 1e-12 and split.scale(values[:240]).std() == pytest.approx(1)
