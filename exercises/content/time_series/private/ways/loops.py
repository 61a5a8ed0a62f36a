"""Another right way: lists and loops, the whole past read anew for each forecast."""

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
    inputs, targets = [], []
    for end in range(past, len(values) - future + 1):
        inputs.append(list(values[end - past : end]))
        targets.append(list(values[end : end + future]))
    return np.array(inputs), np.array(targets)


def prepare(series, cut, past, future):
    mean = sum(series[:cut]) / cut
    deviation = (sum((value - mean) ** 2 for value in series[:cut]) / cut) ** 0.5
    scaled = [(value - mean) / deviation for value in series]
    train = make_windows(scaled[:cut], past, future)
    test = make_windows(scaled[cut - past :], past, future)
    return dict(mean=mean, deviation=deviation, train=train, test=test)


def unscale(values, data):
    return np.asarray(values) * data["deviation"] + data["mean"]


def persistence(inputs, future):
    return np.array([[row[-1] for _ in range(future)] for row in inputs])


def seasonal(inputs, future, period):
    forecasts = []
    for row in inputs:
        row = list(row)
        for _ in range(future):
            row.append(row[-period])
        forecasts.append(row[-future:])
    return np.array(forecasts)


def linear(train, inputs, order):
    columns = []
    for k in range(train[1].shape[1]):
        x = np.array([[1.0, *row[-order:]] for row in train[0]])
        weights = np.linalg.lstsq(x, train[1][:, k], rcond=None)[0]
        columns.append([weights[0] + weights[1:] @ row[-order:] for row in inputs])
    return np.array(columns).T


def step_by_step(network, inputs, future):
    values = np.array(inputs)
    for _ in range(future):
        latest = network.read(values)[0]
        values = np.hstack([values, latest.reshape(-1, 1)])
    return values[:, inputs.shape[1] :]


def compare(data, period, forecasts):
    inputs, targets = data["test"]
    future = len(targets[0])
    errors = {}

    def note(name, forecast):
        errors[name] = ((unscale(forecast, data) - unscale(targets, data)) ** 2).mean()

    for name in forecasts:
        note(name, forecasts[name])
    note("linear-20", linear(data["train"], inputs, 20))
    note("linear-2", linear(data["train"], inputs, 2))
    note("seasonal", seasonal(inputs, future, period))
    note("persistence", persistence(inputs, future))
    note("mean", 0 * targets)
    return errors


def not_beaten(errors, network):
    found = []
    for name in ("mean", "persistence", "seasonal", "linear-2", "linear-20"):
        if errors[name] <= errors[network]:
            found.append((errors[name], name))
    return [name for _, name in sorted(found)]
