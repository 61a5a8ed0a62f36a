"""Day 14, exercise 3: windows, the split, the baselines, and forecasts by a network that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "make_windows(values, past, future)",
    "prepare(series, cut, past, future)",
    "unscale(values, data)",
    "persistence(inputs, future)",
    "seasonal(inputs, future, period)",
    "linear(train, inputs, order)",
    "step_by_step(network, inputs, future)",
    "compare(data, period, forecasts)",
    "not_beaten(errors, network)",
]
PAST, FUTURE = 6, 3
BASELINES = ("mean", "persistence", "seasonal", "linear-2", "linear-20")


class Known:
    """A network whose forecast is a function of all values that it has read."""

    def __init__(self) -> None:
        #: Of each call: how many values of a series were read by its end
        self.read_until: list[int] = []

    def read(self, inputs: Any, state: Any = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(B, T) and a state (B, 2), or None, → the forecast (B,) and the state."""
        inputs = np.asarray(inputs, dtype=float)
        if inputs.ndim != 2:
            raise ValueError(f"inputs: got shape {inputs.shape}, expected (B, T)")
        state = np.zeros((len(inputs), 2)) if state is None else np.array(state, dtype=float)
        for value in inputs.T:
            state = np.column_stack([0.8 * state[:, 0] + value, state[:, 1] + 1])
        self.read_until.append(int(state[0, 1]))
        return np.sin(1.3 * state[:, 0]) + 0.2, state


def _series(student: Student, length: int) -> npt.NDArray[np.float64]:
    """A series whose second half is higher and wider than its first."""
    later = np.arange(length) >= length // 2
    return np.asarray(5.0 + 3.0 * later + student.normal(length) * (1 + later))


def windows(student: Student) -> None:
    """All windows of two series, one of them just long enough for one."""
    for length in (20, PAST + FUTURE):
        found = student.call(student.module.make_windows, student.normal(length), PAST, FUTURE)
        names = [f"{what} of {length} values, past {PAST}, future {FUTURE}" for what in ("the inputs", "the targets")]
        student.see_parts(names, found)


def preparing(student: Student) -> None:
    """A series that changes after the cut."""
    series = _series(student, 40)
    data = student.call(student.module.prepare, series, 24, PAST, FUTURE)
    student.see_keys(["mean", "deviation"], data)
    for part in ("train", "test"):
        pair = data.get(part) if isinstance(data, dict) else None
        student.see_parts([f"the inputs of {part}", f"the targets of {part}"], pair)
    wanted = {"mean": np.float64(5.3), "deviation": np.float64(1.7)}
    values = student.normal(4, 2)
    student.see("unscaled values", student.call(student.module.unscale, values, wanted))


def baselines(student: Student) -> None:
    """Each of them on random windows; the linear ones fitted to other windows than those forecast."""
    module = student.module
    inputs = student.normal(9, PAST)
    student.see("persistence", student.call(module.persistence, inputs, FUTURE))
    for period in (4, 2, PAST):
        student.see(f"seasonal, period {period}", student.call(module.seasonal, inputs, FUTURE, period))
    student.see("seasonal, period 2, future 5", student.call(module.seasonal, inputs, 5, 2))
    train = student.normal(60, PAST), student.normal(60, FUTURE) + 1.0
    for order in (2, PAST):
        student.see(f"linear, order {order}", student.call(module.linear, train, inputs, order))
    rising = np.arange(30.0)[:, None] + np.arange(PAST + FUTURE)
    line = student.call(module.linear, (rising[:, :PAST], rising[:, PAST:]), 100 + rising[:2, :PAST], 2)
    student.see("linear, order 2, on a rising line", line)


def forecasting(student: Student) -> None:
    """Four values by a network that knows one."""
    network = Known()
    forecasts = student.call(student.module.step_by_step, network, student.normal(5, PAST), 4)
    shape = np.shape(forecasts) if isinstance(forecasts, np.ndarray | list | tuple) else ()
    student.see("the shape of the forecasts", list(shape))
    latest = network.read_until[-1] if network.read_until else 0
    student.see("the number of values read before the last forecast", min(latest, PAST + 3))
    student.see("the forecasts", forecasts)
    one = student.call(student.module.step_by_step, Known(), student.normal(2, PAST), 1)
    student.see("the forecasts, one value ahead", one)


def comparison(student: Student) -> None:
    """The errors of baselines and of forecasts that the grader makes up."""
    series = _series(student, 140)
    mean, deviation = float(series[:90].mean()), float(series[:90].std())
    scaled = (series - mean) / deviation
    parts = {}
    for name, values in (("train", scaled[:90]), ("test", scaled[60:])):
        rows = np.lib.stride_tricks.sliding_window_view(values, 30 + FUTURE)
        parts[name] = rows[:, :30].copy(), rows[:, 30:].copy()
    data = {"mean": mean, "deviation": deviation, **parts}
    targets = parts["test"][1]
    forecasts = {"direct": targets + student.normal(*targets.shape, scale=0.1), "step by step": 0.5 * targets}
    found = student.call(student.module.compare, data, 7, forecasts)
    names = [*BASELINES, "direct", "step by step"]
    given = {f'the error of "{name}"': found[name] for name in names if isinstance(found, dict) and name in found}
    student.see_keys([f'the error of "{name}"' for name in names], given if isinstance(found, dict) else found)


def concluding(student: Student) -> None:
    """Errors that are made up."""
    cases = {
        "all baselines are worse": (1.0, 0.6, 0.5, 0.4, 0.3, 0.2),
        "persistence is worse, others are not": (1.0, 0.6, 0.1, 1e-9, 0.05, 0.2),
        "one is equal": (0.2, 0.6, 0.5, 0.4, 0.1, 0.2),
    }
    for case, values in cases.items():
        errors = dict(zip((*BASELINES, "lstm"), values, strict=True))
        found = student.call(student.module.not_beaten, errors, "lstm")
        listed = ", ".join(map(str, found)) or "none" if isinstance(found, list | tuple) else found
        student.see(f"the list of names where {case}", listed)


def measured(student: Student) -> None:
    """The learner's functions with real networks, on a sine wave and on chaos."""
    module = student.module
    for name, period in (("sine", 30), ("chaos", 2)):
        series = module.make_series(name, np.random.default_rng(1))
        data = student.call(module.prepare, series, 1200, 30, 4)
        inputs, _ = data["test"]
        direct, one_step = module.Direct(4), module.OneStep()
        direct.fit(*data["train"])
        one_step.fit(*data["train"])
        forecasts = {
            "direct": direct.forecast(inputs),
            "step by step": student.call(module.step_by_step, one_step, inputs, 4),
        }
        errors = student.call(module.compare, data, period, forecasts)
        for each in (*BASELINES, "direct", "step by step"):
            student.see(f"{each} on {name}", errors[each])
        network, best = errors["step by step"], min(errors[baseline] for baseline in BASELINES)
        if name == "sine":
            student.reveal("sine_line", np.log10(errors["linear-2"]))
            student.reveal("sine_lstm", np.log10(network))
        else:
            student.reveal("map_share", network / best)
            student.reveal("direct_share", errors["direct"] / best)


def as_it_is(got: Recording, _: Recording) -> Finding | None:
    """A line is exact on a sine; on chaos the network is far better than all baselines."""
    errors = {name: float(value.array) for name, value in got.values.items() if value.array is not None}
    if not errors["linear-2 on sine"] < 1e-15:
        message = f"The line through two values of the sine has the error {errors['linear-2 on sine']:.2g}."
        return Finding("not-exact", message, wanted="about 1e-26", next="Is make_series as it was in the starter?")
    for name in ("direct", "step by step"):
        if not errors[f"{name} on sine"] < 0.1:
            message = f"The network ({name}) has the error {errors[f'{name} on sine']:.2g} on the sine."
            advice = "Are the networks as they were in the starter?"
            return Finding("not-learned", message, wanted="below 0.01", next=advice)
    best = min(errors[f"{baseline} on chaos"] for baseline in BASELINES)
    if not errors["step by step on chaos"] < 0.4 * best:
        message = (
            f"On chaos the network leaves {errors['step by step on chaos'] / best:.0%} of the best baseline's error."
        )
        return Finding("not-learned", message, wanted="about 2 %", next="Are the networks as they were in the starter?")
    return None


RUNGS = [
    Rung("shape", windows, "shape"),
    Rung("windows", windows),
    Rung("preparing does not change the series", preparing, "purity", draws=1, own_memory=False),
    Rung("preparing", preparing),
    Rung("baselines", baselines),
    Rung("step by step", forecasting),
    Rung("comparison", comparison),
    Rung("conclusions", concluding, draws=1),
    Rung("measured", measured, as_it_is, draws=1, seconds=60.0, reference=False),
]
