"""Day 14, exercise 3: time series."""

import numpy as np

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


def make_windows(values, past, future):
    starts = range(len(values) - past - future + 1)
    inputs = np.array([values[s : s + past] for s in starts])
    targets = np.array([values[s + past : s + past + future] for s in starts])
    return inputs, targets


def prepare(series, cut, past, future):
    known = series[:cut]
    mean, deviation = known.mean(), known.std()
    scaled = (series - mean) / deviation
    train = make_windows(scaled[:cut], past, future)
    test = make_windows(scaled[cut - past :], past, future)
    return {"mean": mean, "deviation": deviation, "train": train, "test": test}


def unscale(values, data):
    return values * data["deviation"] + data["mean"]


def persistence(inputs, future):
    return np.repeat(inputs[:, -1:], future, axis=1)


def seasonal(inputs, future, period):
    season = inputs[:, -period:]
    return np.stack([season[:, k % period] for k in range(future)], axis=1)


def linear(train, inputs, order):
    def known(windows):
        return np.column_stack([windows[:, -order:], np.ones(len(windows))])

    weights = np.linalg.lstsq(known(train[0]), train[1], rcond=None)[0]
    return known(inputs) @ weights


def step_by_step(network, inputs, future):
    latest, state = network.read(inputs)
    forecasts = [latest]
    while len(forecasts) < future:
        latest, state = network.read(latest[:, None], state)
        forecasts.append(latest)
    return np.stack(forecasts, axis=1)


def compare(data, period, forecasts):
    inputs, targets = data["test"]
    future = targets.shape[1]
    everything = {
        "mean": np.zeros(targets.shape),
        "persistence": persistence(inputs, future),
        "seasonal": seasonal(inputs, future, period),
        "linear-2": linear(data["train"], inputs, 2),
        "linear-20": linear(data["train"], inputs, 20),
        **forecasts,
    }
    true = unscale(targets, data)
    return {name: np.mean((unscale(y, data) - true) ** 2) for name, y in everything.items()}


def not_beaten(errors, network):
    baselines = ["mean", "persistence", "seasonal", "linear-2", "linear-20"]
    better = [name for name in baselines if errors[name] <= errors[network]]
    return sorted(better, key=errors.get)
