"""Another right way: sliding views, matrices, the error of scaled values times the squared deviation."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lstm_ext import OptimizerConfig, nn


def make_series(name, rng, length=1500):
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
    def __init__(self, future, seed=0):
        self.model = nn.DirectForecaster(1, 16, future).build(seed=seed)
        self.seed = seed

    def fit(self, inputs, targets, updates=300):
        def batch(rows):
            return nn.Batch(inputs[rows].T[:, :, None], None, targets[rows].T[:, :, None])

        _fit(self.model, batch, len(inputs), updates, self.seed)

    def forecast(self, inputs):
        return self.model.forecast(inputs.T[:, :, None])[:, :, 0].T.astype(float)


class OneStep:
    def __init__(self, seed=0):
        self.model = nn.AutoregressiveForecaster(1, 16).build(seed=seed)
        self.seed = seed

    def fit(self, inputs, targets, updates=300):
        windows = np.concatenate([inputs, targets], axis=1)
        _fit(self.model, lambda rows: nn.one_step_ahead(windows[rows].T[:, :, None]), len(inputs), updates, self.seed)

    def read(self, inputs, state=None):
        forecasts = self.model.forward(inputs.T[:, :, None], state=state)
        return forecasts[-1, :, 0].astype(float), self.model.reader.rnn.final_state


NAMES = ("mean", "persistence", "seasonal", "linear-2", "linear-20")


def make_windows(values, past, future):
    rows = sliding_window_view(np.asarray(values), past + future)
    return rows[:, :past], rows[:, past:]


def prepare(series, cut, past, future):
    data = {"mean": np.mean(series[:cut]), "deviation": np.sqrt(np.mean((series[:cut] - np.mean(series[:cut])) ** 2))}
    windows = make_windows((series - data["mean"]) / data["deviation"], past, future)
    last = cut - past - future + 1
    data["train"] = [part[:last] for part in windows]
    data["test"] = [part[cut - past :] for part in windows]
    return data


def unscale(values, data):
    return data["mean"] + data["deviation"] * np.asarray(values)


def persistence(inputs, future):
    return inputs[:, [-1] * future]


def seasonal(inputs, future, period):
    return np.tile(inputs[:, -period:], (1, future // period + 1))[:, :future]


def linear(train, inputs, order):
    x, y = train
    x = x[:, x.shape[1] - order :]
    middle = x.mean(0)
    weights = np.linalg.pinv(x - middle) @ (y - y.mean(0))
    return (inputs[:, inputs.shape[1] - order :] - middle) @ weights + y.mean(0)


def step_by_step(network, inputs, future):
    forecasts = np.empty((len(inputs), future))
    state, known = None, inputs
    for k in range(future):
        forecasts[:, k], state = network.read(known, state)
        known = forecasts[:, k : k + 1].copy()
    return forecasts


def compare(data, period, forecasts):
    inputs, targets = data["test"]
    shape = targets.shape[1]
    all_forecasts = [
        0.0,
        persistence(inputs, shape),
        seasonal(inputs, shape, period),
        linear(data["train"], inputs, 2),
        linear(data["train"], inputs, 20),
    ]
    errors = {name: np.square(y - targets).mean() * data["deviation"] ** 2 for name, y in zip(NAMES, all_forecasts)}
    for name, y in forecasts.items():
        errors[name] = np.square(y - targets).mean() * data["deviation"] ** 2
    return errors


def not_beaten(errors, network):
    return tuple(name for name in sorted(NAMES, key=lambda name: errors[name]) if not errors[name] > errors[network])
