"""Signals, correlations, half-lives, effects; then the answers about the machine, and why a near miss is one."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_ext import LanguageModel, Vocabulary

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student
from .machine import SIGNALS, SYMBOLS, Reading, costs, machine, make_text, reading, without

NAMES = [
    "counts_brackets",
    "remembers_letter",
    "knows_quotes",
    "signals(text)",
    "correlations(states, signal)",
    "half_lives(f)",
    "effects(costs, units)",
    "verdict(r_first, r_unseen, effect)",
]
#: The answers, and what each of them is about
ANSWERS = {"counts_brackets": "depth", "remembers_letter": "letter", "knows_quotes": "quote"}
#: From here on a unit follows a signal, and is needed for it (nats)
FOLLOWS, NEEDED = 0.5, 0.5


def signals(student: Student) -> None:
    """The example of the text, then random lines; a text may begin or end in the middle of one."""
    for text, note in (('a(.)".",=a\n', ""), (make_text(student.rng, 90), " in a longer text")):
        found = student.call(student.module.signals, text)
        given = {f"{name}{note}": found[name] for name in SIGNALS if isinstance(found, dict) and name in found}
        student.see_keys([f"{name}{note}" for name in SIGNALS], given)


def correlations(student: Student) -> None:
    """The example, then random states, some of which follow the signal, then constants."""
    find = student.module.correlations
    example = np.array([[0.1], [-0.9], [-2.1], [-0.9]])
    student.see("the correlation of the example", student.call(find, example, np.array([0.0, 1.0, 2.0, 1.0])))
    signal = student.normal(50) + 3.0
    states = student.normal(50, 5) * [0.1, 1.0, 20.0, 1.0, 1.0] + np.outer(signal, [0.1, -2.0, 0.0, 5.0, 0.3]) + 7.0
    student.see("correlations", student.call(find, states, signal))
    states[:, 2] = 4.0
    student.see("correlations, where unit 2 is constant", student.call(find, states, signal))
    student.see("correlations with a constant signal", student.call(find, states, np.full(50, 2.0)))


def half_lives(student: Student) -> None:
    """The example, then random gates."""
    example = np.array([[0.99, 0.5], [0.99, 0.5], [0.05, 0.5]])
    student.see("half_lives of the example", student.call(student.module.half_lives, example))
    student.see("half_lives", student.call(student.module.half_lives, student.rng.uniform(0.05, 0.999, (40, 6))))


def effects(student: Student) -> None:
    """Made-up costs; each question comes up in another number of places, which depends on nothing."""
    sizes = {"depth": 31, "letter": 7, "quote": 50}
    table = {
        (name, unit): student.rng.gamma(1.0 + student.rng.random(), 0.7, size)
        for name, size in sizes.items()
        for unit in (None, 0, 1, 2, 3)
    }
    asked: list[Any] = []

    def made_up(zeroed: Any) -> dict[str, Any]:
        asked.append(zeroed)
        return {name: table[name, None if zeroed is None else int(zeroed)] for name in sizes}

    found = student.call(student.module.effects, made_up, 4)
    student.see("the units that were zeroed", sorted({int(unit) for unit in asked if unit is not None}))
    given = {f"effects on {name}": found[name] for name in sizes if isinstance(found, dict) and name in found}
    student.see_keys([f"effects on {name}" for name in sizes], given)


def verdicts(student: Student) -> None:
    """A finding that holds, and those that do not."""
    cases = {
        "a clear case": ([0.1, 0.9, 0.3], [0.1, 0.8, 0.2], [0.0, 1.5, 0.1]),
        "a negative correlation": ([0.4, 0.3, -0.9], [0.3, 0.2, -0.95], [0.0, 0.1, 0.7]),
        "a correlation on the first text only": ([0.9, 0.6, 0.1], [0.1, 0.8, 0.1], [1.0, 1.2, 0.0]),
        "a unit that is not needed": ([0.2, 0.1, 0.9], [0.1, 0.2, 0.9], [0.0, 2.0, 0.02]),
        "another unit with a larger effect": ([0.8, 0.1, 0.3], [0.7, 0.2, 0.3], [0.6, 0.1, 3.0]),
        "zeroing that makes things better": ([0.8, 0.1, 0.3], [0.7, 0.2, 0.3], [-0.6, 0.1, 3.0]),
        "another sign on the unseen text": ([0.8, 0.1, 0.3], [-0.7, 0.2, 0.3], [0.6, 0.1, 3.0]),
    }
    for name, case in cases.items():
        found = student.call(student.module.verdict, *map(np.array, case))
        student.see(f"the verdict on {name}", "None" if found is None else str(found))


def purity(student: Student) -> None:
    """States, signals and costs belong to the caller."""
    student.call(student.module.correlations, student.normal(20, 3), student.normal(20))
    student.call(student.module.half_lives, student.rng.uniform(0.1, 0.9, (20, 3)))
    student.call(student.module.verdict, student.normal(3), student.normal(3), student.normal(3))


def answers(student: Student) -> None:
    """What the learner wrote; an array of one number counts as the number."""
    for name in ANSWERS:
        student.see(name, getattr(student.module, name))


def right_units(got: Recording, _: Recording) -> Finding | None:
    """The first answer that does not hold, with what was measured about it on a text that nobody chose it on."""
    given: dict[str, int | None] = {}
    units = machine().config.hidden_size
    for name in ANSWERS:
        value = got.values[name]
        if value.kind == "nothing":
            given[name] = None
            continue
        number = float(value.array) if value.array is not None and value.array.size == 1 else np.nan
        if not (number == int(number) if np.isfinite(number) else False) or not 0 <= number < units:
            message = f"{name} is no number of a unit; they go from 0 to {units - 1}."
            return Finding("not-a-unit", message, next="Write one whole number.")
        given[name] = int(number)
    found = reading()
    right = {name: found.unit(signal) for name, signal in ANSWERS.items()}
    if all(unit == right[name] + 1 for name, unit in given.items() if unit is not None) and any(given.values()):
        message = "Your answers are counted from 1."
        return Finding("counted-from-1", message, next="Count from 0, as the lab and Python do.")
    for name, signal in ANSWERS.items():
        unit = given[name]
        if unit is None:
            message = f"{name} has no answer yet."
            return Finding("no-answer", message, next="Run your file: which unit follows, and which one is needed?")
        if unit != right[name]:
            return _near_miss(found, name, signal, unit, unit in right.values())
    return None


def _near_miss(found: Reading, name: str, signal: str, unit: int, another: bool) -> Finding:
    r, effect = found.r[signal][unit], found.effect[signal][unit]
    message = f"{name} is not unit {unit}."
    measured = f"r = {r:.2f} with {signal} on unseen text; zeroed, the cost of {signal} rises by {effect:.2f} nats"
    wanted = "a strong correlation, and a cost that rises"
    follows, needed = abs(r) >= FOLLOWS, effect >= NEEDED
    if another:
        code, cause = "another-signal", "This unit does one of the other two jobs."
        advice = "Compare its correlations with all three signals."
    elif follows:
        code = "follows-only"
        cause = "It follows the signal, but the machine hardly needs it: what it knows, another unit knows better."
        advice = "Look at effects: which unit's loss hurts this ability?"
    elif needed:
        code = "needed-only"
        cause = "The machine needs it, but it does not hold the signal: a unit may hold a gate open for others."
        advice = "Look at correlations as well: both have to be strong."
    else:
        code = "by-chance"
        cause = "It neither follows the signal on unseen text, nor is it needed. Was it chosen on a short text?"
        advice = "Correlate on some thousand characters of make_text, not on SAMPLE."
    return Finding(code, message, "", measured, wanted, cause=cause, next=advice)


def measured(student: Student) -> None:
    """The learner's functions on the machine, at the unit that remembers."""
    model: LanguageModel = machine()
    text = make_text(student.rng, 2000)
    symbols = Vocabulary(SYMBOLS).encode(text)
    unit = reading().unit("letter")
    f = model.trace(symbols)[0]["f"].astype(float)[np.isin(list(text), list("(),."))]
    half_life = float(np.asarray(student.call(student.module.half_lives, f))[unit])
    student.reveal("half_life", half_life)

    def cost(zeroed: Any) -> dict[str, Any]:
        return costs((model if zeroed is None else without(model, int(zeroed))).trace(symbols), text)

    effect = student.call(student.module.effects, cost, model.config.hidden_size)
    student.reveal("zeroed", float(effect["letter"][unit]))
    student.see("half_life", half_life)


RUNGS = [
    Rung("signals", signals),
    Rung("correlations", correlations),
    Rung("half-lives", half_lives),
    Rung("effects", effects),
    Rung("verdict", verdicts, draws=1),
    Rung("purity", purity, "purity"),
    Rung("answers", answers, right_units, draws=1),
    Rung("measured", measured, "shape", draws=1, seconds=30.0, reference=False),
]
