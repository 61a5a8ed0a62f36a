"""Day 14, exercise 3: time series."""

import numpy as np

from lstm_ext import OptimizerConfig, nn

# Your guesses. The check measures them.
guess_sine_line = None  # log10 of the error of the best linear function of the last two values, on a sine wave
guess_sine_lstm = None  # log10 of the LSTM's error on the same sine wave
guess_map_share = None  # on a chaotic series: the LSTM's error, step by step, as a share of the best baseline's
guess_direct_share = None  # the same for an LSTM that forecasts all values at once


def make_series(name, rng, length=1500):
    """One long series (length,), in units of its own: "sine", "wandering sine" or "chaos". Given."""
    t = np.arange(length)
    if name == "sine":
        return 3 + 2 * np.sin(2 * np.pi * t / 29.5 + rng.uniform(0, 6.28))
    if name == "wandering sine":
        phase = np.cumsum(rng.uniform(0.7, 1.3, length)) * 2 * np.pi / 29.5
        return 3 + 2 * np.sin(phase) + 0.3 * rng.normal(size=length)
    x = np.full(length, rng.uniform(0.2, 0.8))
    for n in range(1, length):
        x[n] = 3.8 * x[n - 1] * (1 - x[n - 1])
    return 10 * x + rng.normal(0, 0.05, length)


def _fit(model, make_batch, count, updates, seed):
    rng = np.random.default_rng(seed)
    optimizer = nn.Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=0.01)
    batches = (make_batch(rng.integers(0, count, 32)) for _ in range(updates))
    nn.fit(model, batches, optimizer, steps=updates, schedule="linear")


class Direct:
    """An LSTM with 16 units that forecasts all values at once. Given."""

    def __init__(self, future, seed=0):
        self.model = nn.DirectForecaster(1, 16, future).build(seed=seed)
        self.seed = seed

    def fit(self, inputs, targets, updates=300):
        """Learn from windows (B, past) and what follows (B, future)."""

        def batch(rows):
            return nn.Batch(inputs[rows].T[:, :, None], None, targets[rows].T[:, :, None])

        _fit(self.model, batch, len(inputs), updates, self.seed)

    def forecast(self, inputs):
        """Windows (B, past) → (B, future)."""
        return self.model.forecast(inputs.T[:, :, None])[:, :, 0].T.astype(float)


class OneStep:
    """An LSTM with 16 units that forecasts the next value only. Given."""

    def __init__(self, seed=0):
        self.model = nn.AutoregressiveForecaster(1, 16).build(seed=seed)
        self.seed = seed

    def fit(self, inputs, targets, updates=300):
        """Learn from windows (B, past) and what follows (B, future)."""
        windows = np.concatenate([inputs, targets], axis=1)
        _fit(self.model, lambda rows: nn.one_step_ahead(windows[rows].T[:, :, None]), len(inputs), updates, self.seed)

    def read(self, inputs, state=None):
        """Read (B, T), from the beginning or from a state. Returns the forecast of the next value (B,), and a state."""
        forecasts = self.model.forward(inputs.T[:, :, None], state=state)
        return forecasts[-1, :, 0].astype(float), self.model.reader.rnn.final_state


def make_windows(values, past, future):
    """Every window of values (N,): inputs (B, past) and the values that follow, targets (B, future)."""
    raise NotImplementedError("make_windows")


def prepare(series, cut, past, future):
    """Split the series (N,) in time, scale it by what is known at the cut, and make windows.

    Returns {"mean": …, "deviation": …, "train": windows of series[:cut], "test": windows whose targets are all of
    series[cut:]; their inputs may reach back across the cut}. All windows are scaled.
    """
    raise NotImplementedError("prepare")


def unscale(values, data):
    """Scaled values of any shape in the series' own units. data: what prepare returned."""
    raise NotImplementedError("unscale")


def persistence(inputs, future):
    """Tomorrow is like today: (B, past) → (B, future)."""
    raise NotImplementedError("persistence")


def seasonal(inputs, future, period):
    """The next season is like the last `period` values: (B, past) → (B, future)."""
    raise NotImplementedError("seasonal")


def linear(train, inputs, order):
    """The best linear function, with a constant, of the last `order` values, fitted to the windows train.

    train: (inputs, targets). Returns its forecasts for inputs: (B, past) → (B, future).
    """
    raise NotImplementedError("linear")


def step_by_step(network, inputs, future):
    """Forecasts (B, future) by a network that knows the next value only: network.read(inputs, state)."""
    raise NotImplementedError("step_by_step")


def compare(data, period, forecasts):
    """Mean squared errors on the test windows, in the square of the series' own units: a dictionary.

    Its names: "mean" (of the training part), "persistence", "seasonal", "linear-2", "linear-20", and those of
    forecasts, a dictionary of scaled forecasts (B, future).
    """
    raise NotImplementedError("compare")


def not_beaten(errors, network):
    """The names of the baselines whose error is at most that of network, the best one first."""
    raise NotImplementedError("not_beaten")


def main():
    """Three series, five baselines, two networks."""
    for name, period in (("sine", 30), ("wandering sine", 30), ("chaos", 2)):
        data = prepare(make_series(name, np.random.default_rng(1)), 1200, 30, 4)
        direct, one_step = Direct(4), OneStep()
        direct.fit(*data["train"])
        one_step.fit(*data["train"])
        inputs, _ = data["test"]
        forecasts = {"direct": direct.forecast(inputs), "step by step": step_by_step(one_step, inputs, 4)}
        errors = compare(data, period, forecasts)
        print(f"{name}:", *(f"{key} {error:.2g}" for key, error in errors.items()), sep="  ")
        print("  not beaten by the LSTM step by step:", ", ".join(not_beaten(errors, "step by step")) or "none")


if __name__ == "__main__":
    main()
