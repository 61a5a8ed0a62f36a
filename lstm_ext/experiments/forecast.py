"""What can recurrent networks forecast that arithmetic cannot?"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..cells import CellName
from ..engine.config import OptimizerConfig
from ..nn import AutoregressiveForecaster, Batch, DirectForecaster, Optimizer, fit, one_step_ahead
from ..tasks.csv_file import read_csv_series
from ..tasks.series import SineWaves, SplitSeries, forecast_baselines
from .charts import Bar, BarChart, Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import cosine, generator
from .words import listed

WAVES = {
    "clean": SineWaves(),
    "random frequency": SineWaves(frequency=(0.7, 1.5)),
    "noise": SineWaves(noise=0.1),
    "both": SineWaves(frequency=(0.7, 1.5), noise=0.1),
}
NETWORKS: dict[str, tuple[CellName, bool]] = {
    "RNN": ("rnn", False),
    "GRU": ("gru", False),
    "LSTM": ("lstm", False),
    "LSTM, step by step": ("lstm", True),
}
BASELINES = ("mean", "persistence", "linear-2", "linear-20")
PAST, FUTURE = 50, 10


class Forecast(Experiment):
    name = "forecast"
    question = "What can recurrent networks forecast that arithmetic cannot?"
    method = """
        Forecast the next 10 values of a sine wave from 50 at a random phase: with one frequency and no noise,
        as in the usual exercise; with a random frequency (0.7 to 1.5 times); with noise (standard deviation
        0.1); with both. Every batch is new: 32 windows; 32 units, Adam at a learning rate that falls from 0.01
        along a half cosine, gradients clipped to norm 1, 1500 updates (--quick: 400). The networks forecast all
        ten values at once, or, "step by step", one after the other from their own forecasts. Errors are mean
        squared errors on 2000 unseen windows. Baselines: the mean, the last value repeated (persistence), and
        the best linear functions of the last 2 and 20 values, fitted to 2000 other windows. --data takes a
        column of a CSV file instead, split by time: its last fifth is forecast, and everything is scaled by
        the part that is learned from.
    """
    reads = "a CSV file; its last column of numbers is forecast"

    def variants(self, quick: bool) -> dict[str, Settings]:
        updates = 400 if quick else 1500
        if self.data is None:
            return {
                f"{wave}, {network}": {
                    "wave": wave,
                    "network": network,
                    "updates": updates,
                    "hidden_size": 32,
                    "lr": 0.01,
                }
                for wave in WAVES
                for network in NETWORKS
            }
        name, values = _series(self.data)
        return {
            f"{name}, {network}": {
                "wave": name,
                "network": network,
                "updates": updates,
                "hidden_size": 32,
                "lr": 0.01,
                "data": self.data,
                "values": len(values),
                "sum": float(values.sum()),
            }
            for network in NETWORKS
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        source: SineWaves | SplitSeries
        if self.data is None:
            source = WAVES[settings["wave"]]
            test = source.batch(generator(seed, 3), 2000)
        else:
            source = SplitSeries(_series(self.data)[1], PAST, FUTURE)
            test = source.test()
        fitted = source.batch(generator(seed, 2), 2000)
        cell, autoregressive = NETWORKS[settings["network"]]
        model: DirectForecaster | AutoregressiveForecaster
        if autoregressive:
            model = AutoregressiveForecaster(1, settings["hidden_size"], cell=cell)
        else:
            model = DirectForecaster(1, settings["hidden_size"], FUTURE, cell=cell)
        model.build(seed=seed)
        rng, updates = generator(seed, 1), settings["updates"]
        optimizer = Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=cosine(settings["lr"], updates))
        batches = (source.batch(rng, 32) for _ in range(updates))
        if autoregressive:
            batches = (one_step_ahead(np.concatenate([batch.inputs, batch.targets])) for batch in batches)
        fit(model, batches, optimizer, seed=seed)
        forecast = model.forecast(test.inputs, horizon=FUTURE)
        numbers: Numbers = {"error": float(np.mean((forecast - test.targets) ** 2))}
        numbers |= {f"baseline {name}": error for name, error in forecast_baselines(fitted, test).items()}
        numbers["known"], numbers["true"], numbers["forecast"] = _example(test, forecast)
        return numbers

    def report(self, results: Results) -> Report:
        waves = list(dict.fromkeys(settings["wave"] for settings in results.variants.values()))
        rows = [
            [network, *(results.spread(f"{wave}, {network}", "error").text(".1e") for wave in waves)]
            for network in NETWORKS
        ]
        rows += [
            [name, *(results.spread(f"{wave}, LSTM", f"baseline {name}").text(".1e") for wave in waves)]
            for name in BASELINES
        ]
        if self.data is None:
            rows.append(["noise, which cannot be known", *(f"{WAVES[wave].noise ** 2:.1e}" for wave in waves)])
        shown = "both" if "both" in waves else waves[0]
        example = results.cells[f"{shown}, LSTM", results.seeds[0]]
        return Report(
            tables=[Table("mean squared error on unseen windows", ["forecast by", *waves], rows)],
            charts=[
                BarChart(
                    f"mean squared error, {shown} (logarithmic)",
                    [Bar(network, *results.spread(f"{shown}, {network}", "error")) for network in NETWORKS],
                    {name: results.median(f"{shown}, LSTM", f"baseline {name}") for name in BASELINES},
                    log=True,
                    spec=".1e",
                ),
                LineChart(
                    f"one window, {shown}: what is known, what came, and the LSTM's forecast",
                    "step",
                    [
                        Curve("known", range(PAST), example["known"]),
                        Curve("came", range(PAST, PAST + FUTURE), example["true"]),
                        Curve("forecast", range(PAST, PAST + FUTURE), example["forecast"]),
                    ],
                ),
            ],
            findings=[self._finding(results, wave) for wave in waves],
            claims=self._claims(results) if "clean" in waves else [],
        )

    def _finding(self, results: Results, wave: str) -> str:
        errors = {network: results.median(f"{wave}, {network}", "error") for network in NETWORKS}
        counted = {name: results.median(f"{wave}, LSTM", f"baseline {name}") for name in BASELINES}
        best, simple = min(errors, key=lambda n: errors[n]), min(counted, key=lambda n: counted[n])
        wins = errors[best] < counted[simple]
        beaten = [name for name in BASELINES if counted[name] > errors[best]]
        return (
            f"{wave[0].upper()}{wave[1:]}: the best network, {best}, is at {errors[best]:.1e}, the best baseline, "
            f"{simple}, at {counted[simple]:.1e}: {'the network wins' if wins else 'arithmetic wins'} "
            f"(the network beats {listed(beaten)})."
        )

    def _claims(self, results: Results) -> list[Claim]:
        error, linear = results.median("clean, LSTM", "error"), results.median("clean, LSTM", "baseline linear-2")
        steps = results.median("clean, LSTM, step by step", "error")
        return [
            Claim(
                "Day 14: LSTM and GRU Networks, exercise 3; Exercises: Understanding LSTM Networks, challenge 5",
                "An LSTM can forecast sine waves.",
                f"Held: {error:.1e} directly, {steps:.1e} step by step; but on this wave a linear function of the last "
                f"two values, fitted once, is at {linear:.1e}.",
            )
        ]


@functools.cache
def _series(path: str) -> tuple[str, np.ndarray]:
    return read_csv_series(path)


def _example(test: Batch, forecast: np.ndarray) -> tuple[Any, Any, Any]:
    """The first window: known, true and forecast values."""
    return test.inputs[:, 0, 0], test.targets[:, 0, 0], forecast[:, 0, 0]


EXPERIMENT = Forecast
