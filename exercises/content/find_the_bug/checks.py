"""Find the bug: the learner's gradient check is tried on networks whose gradients the grader has falsified."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lstm_ext import LSTM

from ....toml import tomllib
from ...grading.inline import execute
from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Judge, Rung
from ...grading.student import Student
from ...vault import read_private

Array: TypeAlias = npt.NDArray[np.float64]
Falsify: TypeAlias = Callable[[dict[str, Array]], None]

NAMES = [
    "gradient_check(network, inputs, targets, h_prev, c_prev)",
    "LSTM(input_size, hidden_size, output_size)",
    "LSTM.forward(inputs, targets, h_prev, c_prev)",
    "LSTM.backward()",
]
D, H, V = 3, 2, 3
WEIGHTS = ("Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo", "Wy", "by")
GRADIENTS = (*(f"d{name}" for name in WEIGHTS), "dh_prev", "dc_prev")
#: A gradient counts as right below the first error, and as wrong above the second.
RIGHT, WRONG = 1e-6, 1e-4
#: Steps of differences that float64 can bear
STEPS = (1e-7, 1e-3)


FOLDER = Path(__file__).parent


# -------------------------------------------------------------------------------------------------- the wrong lines


@dataclass(frozen=True)
class Version:
    """One way in which the program is wrong."""

    number: int
    #: The line as it should be, and as it stands in the program
    right: str
    wrong: str

    def spoil(self, program: str) -> str:
        """A right program with this version's wrong line."""
        return _with_line(program, self.right, self.wrong)


@lru_cache(maxsize=1)
def versions() -> tuple[Version, ...]:
    """All of them; the first is that of ``starter.py``."""
    return tuple(Version(**entry) for entry in tomllib.loads(read_private(FOLDER, "versions.toml") or "")["version"])


@lru_cache(maxsize=1)
def starters() -> tuple[str, ...]:
    """A starter for each version; ``start`` and ``reset`` choose among them."""
    first = versions()[0]
    starter = (FOLDER / "starter.py").read_text(encoding="utf-8")
    right = _with_line(starter, first.wrong, first.right)
    return tuple(
        version.spoil(right).replace(f"VERSION = {first.number} ", f"VERSION = {version.number} ")
        for version in versions()
    )


def _with_line(program: str, old: str, new: str) -> str:
    """``program`` with one line replaced, whatever its indentation."""
    lines = program.split("\n")
    (index,) = (index for index, line in enumerate(lines) if line.strip() == old)
    lines[index] = lines[index].replace(old, new)
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------ the gradient check


class Network:
    """A right network, from the library, whose gradients are falsified; it notes how its inputs were moved."""

    def __init__(self, params: Mapping[str, Array], falsify: Falsify, scale: float) -> None:
        self.params = {name: value.copy() for name, value in params.items()}
        self._base = params
        self._falsify, self._scale = falsify, scale
        self._lstm = LSTM(D, H, V, seed=0)
        #: For each entry that was moved alone, by how much
        self.moved: dict[tuple[str, tuple[int, ...]], list[float]] = {}
        #: The states of the first forward
        self.start: dict[str, Array] = {}
        self._placed: dict[str, Array] = {}

    def forward(self, inputs: Sequence[int], targets: Sequence[int], h_prev: Array, c_prev: Array) -> float:
        """The loss, in mean nats times the scale."""
        self._note(np.array(h_prev, dtype=float), np.array(c_prev, dtype=float))
        for name, value in self.params.items():
            if not np.array_equal(value, self._placed.get(name, ())):
                setattr(self._lstm, name, value)
                self._placed[name] = np.array(value)
        return self._scale * self._lstm.forward(inputs, targets, h_prev, c_prev)

    def backward(self) -> dict[str, Array]:
        """The gradients of the last forward, falsified."""
        dh_prev, dc_prev = self._lstm.backward()
        grads = {f"d{name}": np.array(getattr(self._lstm, f"d{name}")) for name in WEIGHTS}
        grads |= {"dh_prev": np.array(dh_prev), "dc_prev": np.array(dc_prev)}
        grads = {name: self._scale * gradient for name, gradient in grads.items()}
        self._falsify(grads)
        return grads

    def _note(self, h_prev: Array, c_prev: Array) -> None:
        states = {"h_prev": h_prev, "c_prev": c_prev}
        self.start = self.start or states
        moved = [
            (name, place, float(now[place] - base[name][place]))
            for base, arrays in ((self._base, self.params), (self.start, states))
            for name, now in arrays.items()
            if not np.array_equal(now, base[name])
            for place in map(tuple, np.argwhere(np.abs(now - base[name]) > 1e-14).tolist())
        ]
        if len(moved) == 1:
            name, place, step = moved[0]
            self.moved.setdefault((name, place), []).append(step)

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        twin = copy.copy(self)  # the notes stay common
        twin.params = {name: value.copy() for name, value in self.params.items()}
        twin._lstm, twin._placed = copy.deepcopy(self._lstm, memo), dict(self._placed)
        return twin


def _too_large(name: str) -> Falsify:
    def falsify(grads: dict[str, Array]) -> None:
        grads[name] *= 1.01

    return falsify


def _one_entry(name: str) -> Falsify:
    def falsify(grads: dict[str, Array]) -> None:
        grads[name].flat[-1] *= 1.3

    return falsify


def _negative(name: str) -> Falsify:
    def falsify(grads: dict[str, Array]) -> None:
        grads[name] *= -1

    return falsify


def _rearranged(name: str) -> Falsify:
    def falsify(grads: dict[str, Array]) -> None:
        grads[name] = grads[name][::-1].copy()

    return falsify


CASES: tuple[tuple[str, str, Falsify, float], ...] = (
    ("dWo is 1 % too large", "dWo", _too_large("dWo"), 1.0),
    ("one entry of dbi is too large", "dbi", _one_entry("dbi"), 1.0),
    ("dWc has the wrong sign", "dWc", _negative("dWc"), 1.0),
    ("the rows of dWf are exchanged", "dWf", _rearranged("dWf"), 1.0),
    ("all gradients are tiny, and dWy is 1 % too large", "dWy", _too_large("dWy"), 1e-5),
)


def _arguments(student: Student) -> tuple[dict[str, Array], list[int], list[int], Array, Array]:
    shapes = {name: (H, H + D) if name[0] == "W" else (H,) for name in WEIGHTS} | {"Wy": (V, H), "by": (V,)}
    params = {name: student.normal(*shapes[name], scale=0.7) for name in WEIGHTS}
    inputs = [0, 1, 0, 0, 1]  # symbol 2 is never read: its columns have a gradient of exactly 0
    targets = [int(target) for target in student.rng.integers(0, V, len(inputs))]
    return params, inputs, targets, student.normal(H), student.normal(H)


def _verdict(errors: object, name: str) -> str:
    """What the learner's check says about one array."""
    if not isinstance(errors, Mapping) or name not in errors:
        return "missing"
    try:
        error = float(errors[name])
    except (TypeError, ValueError):
        return "not one number"
    return (
        "not a number" if np.isnan(error) else "right" if error < RIGHT else "wrong" if error > WRONG else "in between"
    )


def check_shapes(student: Student) -> None:
    """What the learner's check returns."""
    params, inputs, targets, h_prev, c_prev = _arguments(student)
    network = Network(params, lambda grads: None, 1.0)
    errors = student.call(student.module.gradient_check, network, inputs, targets, h_prev, c_prev)
    student.see_keys(GRADIENTS, errors)


def checked_check(student: Student) -> None:
    """How the learner's check proceeds, and what it says about right and wrong gradients."""
    params, inputs, targets, h_prev, c_prev = _arguments(student)
    network = Network(params, lambda grads: None, 1.0)
    errors = student.call(student.module.gradient_check, network, inputs, targets, h_prev.copy(), c_prev.copy())
    given = {"h_prev": h_prev, "c_prev": c_prev}
    used = bool(network.start) and all(np.array_equal(network.start[name], given[name]) for name in given)
    sizes = [abs(step) for steps in network.moved.values() for step in steps]
    student.see("start", used)
    student.see("moved", len(network.moved))
    student.see("step size", all(STEPS[0] * 0.9 < size < STEPS[1] * 1.1 for size in sizes))
    student.see("both sides", all(min(steps) < 0 < max(steps) for steps in network.moved.values()))
    back = all(np.allclose(network.params[name], params[name], rtol=0, atol=1e-12) for name in params)
    student.see("put back", back)
    for name in GRADIENTS:
        student.see(f"{name} is right", _verdict(errors, name))
    for case, wrong, falsify, scale in CASES:
        network = Network(params, falsify, scale)
        errors = student.call(student.module.gradient_check, network, inputs, targets, h_prev.copy(), c_prev.copy())
        student.see(case, _verdict(errors, wrong))
        others = [_verdict(errors, name) for name in GRADIENTS if name != wrong]
        student.see(f"{case}, and all else is right", next((v for v in others if v != "right"), "right"))


def says_what_is_right(got: Recording, wanted: Recording) -> Finding | None:
    """How the check proceeds, then every verdict."""
    for name, value in wanted.values.items():
        mine = got.values[name]
        if mine.array is not None and value.array is not None:
            if np.array_equal(mine.array, value.array):
                continue
            message = _PROCEEDING[name].format(mine.array, value.array)
        elif mine.text == value.text:
            continue
        else:
            message = f"In a network in which {name}, your check {_SAID[mine.text]}."
        call = "gradient_check(network, inputs, targets, h_prev, c_prev)"
        return Finding("wrong-check", message, call, "" if mine.array is not None else mine.text, value.text)
    return None


_PROCEEDING = {
    "start": "Your check does not start from the h_prev and c_prev that it was given.",
    "moved": "Your check moves {} of the {} entries alone; each has to be put back before the next one is moved.",
    "step size": "The steps of your check are not between 1e-7 and 1e-3.",
    "both sides": "Your check moves entries to one side only.",
    "put back": "After your check, the network's weights are not what they were.",
}
_SAID = {
    "right": "calls the wrong gradient right (an error below 1e-6)",
    "wrong": "calls a right gradient wrong (an error above 1e-4)",
    "in between": "gives an error between 1e-6 and 1e-4",
    "not a number": "gives NaN",
    "not one number": "gives something that is not one number",
    "missing": "leaves one gradient out",
}


# --------------------------------------------------------------------------------------------------- what it found


def answers(student: Student) -> None:
    """What the learner wrote down."""
    module = student.module
    student.see("VERSION", getattr(module, "VERSION", None))
    for name in ("wrong_after_one_step", "wrong_after_six_steps"):
        value = getattr(module, name, None)
        names = sorted({str(part) for part in value}) if isinstance(value, list | tuple | set) else None
        student.see(name, None if names is None else " ".join(names))
    line = getattr(module, "wrong_line", None)
    student.see("wrong_line", _bare(line) if isinstance(line, str) else line)


def _bare(line: str) -> str:
    """A line without spaces, comments and kinds of quotes."""
    return "".join(line.split("#")[0].split()).replace("'", '"')


def _version(got: Recording) -> Version | None:
    number = got.values["VERSION"].array
    return next(
        (version for version in versions() if number is not None and np.array_equal(number, version.number)), None
    )


@lru_cache(maxsize=32)
def _spoiled(number: int, steps: int) -> frozenset[str]:
    """Which gradients the line of a version makes wrong."""
    version = next(version for version in versions() if version.number == number)
    solution = read_private(FOLDER, "solution.py") or ""
    found: list[dict[str, Array]] = []
    for source in (solution, version.spoil(solution)):
        module = ModuleType("program")
        module.__file__ = "<program>"
        execute(source, module)
        rng = np.random.default_rng(0)
        network = module.LSTM(D, H, V)
        inputs, targets = rng.integers(0, D, steps), rng.integers(0, V, steps)
        network.forward(inputs, targets, *rng.normal(size=(2, H)))
        found.append(network.backward())
    right, wrong = found
    return frozenset(name for name in right if not np.allclose(right[name], wrong[name], rtol=1e-6, atol=1e-12))


def _names_judge(answer: str, steps: int) -> Judge:
    def judge(got: Recording, _: Recording) -> Finding | None:
        version = _version(got)
        if version is None:
            return _no_version()
        value = got.values[answer]
        if value.kind != "text":
            return Finding(
                "unanswered", f"{answer} is not a list of names yet.", wanted='a list such as ["dWf"], or []'
            )
        named, spoiled = set(value.text.split()), _spoiled(version.number, steps)
        if unknown := sorted(named - set(GRADIENTS)):
            return Finding(
                "unknown-name",
                f"{answer}: there is no gradient {unknown[0]}.",
                wanted=f"some of {', '.join(GRADIENTS)}",
            )
        if named == spoiled:
            return None
        extra, missed = len(named - spoiled), len(spoiled - named)
        parts = [
            f"of the {len(named)} that you name, {extra} {'is' if extra == 1 else 'are'} right" if extra else "",
            f"{missed} {'is' if missed == 1 else 'are'} missing" if missed else "",
        ]
        return Finding(
            "wrong-arrays",
            f"{answer} is not what a gradient check says: {' and '.join(part for part in parts if part)}.",
            next=f"Run yours with {steps} symbol{'s' if steps > 1 else ''}, on random weights and states that are not "
            "zero, with the line as it stood in the starter.",
        )

    return judge


def line(got: Recording, _: Recording) -> Finding | None:
    """The wrong line, as it stood in the starter."""
    version = _version(got)
    if version is None:
        return _no_version()
    value = got.values["wrong_line"]
    if value.kind not in ("text", "nothing"):
        message = "wrong_line is not a text; wanted is the line itself, in quotes."
        return Finding("unanswered", message, next="Copy the line from the file, before you fix it.")
    if value.kind != "text" or not value.text:
        return Finding("unanswered", "wrong_line is empty.", next="Copy the line from the file, before you fix it.")
    if value.text == _bare(version.wrong):
        return None
    if value.text == _bare(version.right):
        message = "wrong_line is the line as it should be; wanted is the one that stood in the file."
        return Finding(
            "the-fixed-line", message, next="`lstm-lab learn solution` is not needed: undo, copy, fix again."
        )
    if value.text not in {_bare(text) for text in starters()[versions().index(version)].splitlines()}:
        return Finding("no-such-line", "There is no such line in the program.", next="Copy the whole line.")
    return Finding(
        "a-right-line",
        "That line is right.",
        next="Which arrays were wrong after one step, and which line do just these depend on? If none was: which lines "
        "only matter from the second step on?",
    )


def _no_version() -> Finding:
    numbers = ", ".join(str(version.number) for version in versions())
    return Finding("no-version", "VERSION is not the number from the starter.", wanted=f"one of {numbers}")


# ----------------------------------------------------------------------------------------------------------- the fix


def fixed(student: Student) -> None:
    """Loss and gradients over one step and over six, from random weights and states."""
    for steps in (1, 6):
        network = student.call(student.module.LSTM, 3, 4, 5)
        for name in WEIGHTS:
            network.params[name] = student.normal(*np.shape(network.params[name]), scale=0.6)
        inputs, targets = student.rng.integers(0, 3, steps), student.rng.integers(0, 5, steps)
        states = student.normal(4), student.normal(4)
        after = f"after {steps} step{'s' if steps > 1 else ''}"
        student.see(f"loss {after}", student.call(network.forward, inputs, targets, *states))
        grads = student.call(network.backward)
        for name in GRADIENTS:
            student.see(f"{name} {after}", grads.get(name) if isinstance(grads, Mapping) else None)


RUNGS = [
    Rung("gradient check shapes", check_shapes, "shape", draws=1),
    Rung("gradient check", checked_check, says_what_is_right, draws=1, seconds=20.0),
    Rung("one step", answers, _names_judge("wrong_after_one_step", 1), draws=1),
    Rung("six steps", answers, _names_judge("wrong_after_six_steps", 6), draws=1),
    Rung("line", answers, line, draws=1),
    Rung("fix", fixed),
]
