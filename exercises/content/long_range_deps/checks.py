"""Exercise 4: a task without holes, a fair test, and what follows from the numbers."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "make_batch(rng, batch_size, distance)",
    "accuracy(scores, targets)",
    "learn(network, rng, distance, updates)",
    "conclusions(table)",
]
ANSWERS, QUERY, FILLERS = 10, 15, range(10, 15)
CALLED = "make_batch(rng, batch_size, distance)"


class Spy:
    """A network that learns nothing and remembers what it was shown."""

    def __init__(self) -> None:
        self.trained: list[tuple[Any, Any]] = []
        self.asked: list[Any] = []

    def train(self, inputs: Any, targets: Any) -> None:
        """Remember a batch."""
        self.trained.append((np.array(inputs), np.array(targets)))

    def scores(self, inputs: Any) -> Any:
        """Right for answers below 4, wrong for the others."""
        inputs = np.array(inputs)
        self.asked.append(inputs)
        scores = np.zeros((inputs.shape[1], 16))
        guess = np.where(inputs[0] < 4, inputs[0], (inputs[0] + 1) % 10)
        scores[np.arange(inputs.shape[1]), guess] = 1.0
        return scores


def shape(student: Student) -> None:
    """A small batch."""
    student.see_parts(["inputs", "targets"], student.call(student.module.make_batch, student.rng, 4, 6))


def large_batches(student: Student) -> None:
    """Two large batches, and one of another distance."""
    make = student.module.make_batch
    student.see_parts(["inputs", "targets"], student.call(make, student.rng, 2000, 7))
    student.see_parts(["inputs of a second call", "targets of a second call"], student.call(make, student.rng, 2000, 7))
    for note in ("", ", again"):
        batch = student.call(make, np.random.default_rng(7), 20, 7)
        student.see_parts([f"inputs of equal generators{note}"], batch)
    student.see_parts(["inputs at distance 1"], student.call(make, student.rng, 4, 1))


def airtight(got: Recording, wanted: Recording) -> Finding | None:
    """The first hole in the task."""
    arrays = {name: value.array for name, value in got.values.items() if value.array is not None}
    inputs, targets, second = (arrays.get(name) for name in ("inputs", "targets", "inputs of a second call"))
    assert inputs is not None
    assert targets is not None
    assert second is not None

    def hole(code: str, message: str, cause: str = "", advice: str = "") -> Finding:
        return Finding(code, message, CALLED, cause=cause, next=advice)

    if inputs.shape != (9, 2000):
        message = f"At distance 7 a sequence has {len(inputs)} symbols."
        return hole("length", message, "The distance is the number of fillers.", "Answer, 7 fillers, query: 9 symbols.")
    if np.any(inputs[-1] != QUERY):
        return hole("no-query", f"The last symbol is {inputs[-1][inputs[-1] != QUERY][0]}, wanted is the query, 15.")
    first, between = inputs[0], inputs[1:-1]
    if np.any((first < 0) | (first >= ANSWERS)):
        return hole(
            "first-symbol", f"The first symbol is once {first[(first < 0) | (first >= ANSWERS)][0]}, wanted: 0 … 9."
        )
    if np.any(targets != first):
        if np.array_equal(targets, between[-1]):
            return hole("target-last", "The target is the last filler, which takes no memory at all.")
        return hole("target", "The target is not the first symbol.")
    if np.any((between == first) & (between < ANSWERS)):
        share = float(np.mean(np.any(between == first, axis=0)))
        message = f"In {share:.0%} of the sequences the answer stands among the fillers as well."
        cause = "Fillers come from a separate alphabet, or they may repeat the answer, or replace it."
        if np.mean(between[-1] == first) > 0.9:
            message = "The answer stands just before the query as well: nobody has to remember anything."
            return hole("leak", message, "", "Fillers all the way to the query.")
        return hole("overlap", message, cause, "10 … 14.")
    if np.any((between < 10) | (between > 14)):
        return hole("filler", f"A filler is {between[(between < 10) | (between > 14)][0]}, wanted: 10 … 14.")
    if len(np.unique(between)) < 5:
        message = f"The fillers are always {', '.join(map(str, np.unique(between)))}."
        cause = "A net can learn to ignore a single symbol; noise has to be kept out at every step."
        return hole("constant-filler", message, cause, "Draw each filler by itself from 10 … 14.")
    if np.all(between == between[:, :1]):
        return hole(
            "same-noise", "All sequences of a batch have the same fillers.", "", "Draw (distance, batch_size) of them."
        )
    counts = np.bincount(first, minlength=ANSWERS)
    if counts.min() < 120:
        rare = int(counts.argmin())
        message = f"The answer {rare} comes {counts[rare]} times in 2000 sequences; about 200 would be fair."
        return hole("unbalanced", message, "A net that always names the commonest answer would be above chance.")
    if np.array_equal(inputs, second):
        cause = "A net that sees the same sequences again learns them by heart."
        return hole("fixed", "Two calls return the same sequences.", cause, "Draw from the rng that you are given.")
    if not np.array_equal(arrays["inputs of equal generators"], arrays["inputs of equal generators, again"]):
        cause = "Another generator than the one given is used, so that no run can be repeated."
        return hole("other-generator", "Two equal generators give different sequences.", cause, "Draw from rng.")
    if len(np.unique(between[:, :50].T, axis=0)) < 25:
        return hole("same-noise", "Many sequences have the same fillers.")
    given_away = max(
        float(np.mean(np.bincount(first[between[0] == f], minlength=10).max() / np.sum(between[0] == f)))
        for f in FILLERS
    )
    if given_away > 0.5:
        return hole(
            "telling-filler", "The first filler tells the answer.", "", "Draw fillers independently of the answer."
        )
    return None


def share(student: Student) -> None:
    """Scores whose winners are known."""
    scores, targets = student.normal(200, 16), student.rng.integers(0, 10, 200)
    scores[np.arange(0, 200, 3), targets[::3]] += 9.0
    student.see("accuracy of 200 sequences", student.call(student.module.accuracy, scores, targets))
    student.see("accuracy where all are right", student.call(student.module.accuracy, np.eye(16)[targets], targets))
    wrong = np.eye(16)[(targets + 1) % 10]
    student.see("accuracy where all are wrong", student.call(student.module.accuracy, wrong, targets))


def spied(student: Student) -> None:
    """What learn shows a network that is right for the answers 0 … 3 only: 40 % of balanced sequences."""
    spy = Spy()
    result = student.call(student.module.learn, spy, student.rng, 5, 30)
    student.see("the number of updates", len(spy.trained))
    student.see("the sequences of an update", spy.trained[0][0].shape[1] if spy.trained else 0)
    lengths = sorted({len(inputs) for inputs, _ in spy.trained})
    student.see("the lengths of the sequences trained on", lengths)
    student.see("different batches", len({inputs.tobytes() for inputs, _ in spy.trained}))
    student.see("targets that are the first symbol", all(np.array_equal(i[0], t) for i, t in spy.trained))
    asked = np.concatenate(spy.asked, axis=1) if spy.asked else np.zeros((7, 0), int)
    seen = {bytes(column) for inputs, _ in spy.trained for column in np.ascontiguousarray(inputs.T)}
    known = sum(bytes(column) in seen for column in np.ascontiguousarray(asked.T))
    student.see("the sequences of the test", asked.shape[1])
    student.see("their length", len(asked))
    student.see("sequences of the test that it was trained on", known)
    right = float(np.mean(asked[0] < 4)) if asked.shape[1] else 0.0
    student.see("the accuracy returned, less the right one", float(np.asarray(result)) - right)


def fair(got: Recording, wanted: Recording) -> Finding | None:
    """The first thing that is unfair about the training or the test."""
    number = {
        name: float(np.max(v.array)) if v.array is not None and v.array.size else 0.0 for name, v in got.values.items()
    }

    def unfair(code: str, message: str, cause: str = "", advice: str = "") -> Finding:
        return Finding(code, message, "learn(network, rng, distance, updates)", cause=cause, next=advice)

    if number["the number of updates"] != 30:
        return unfair("updates", f"The net gets {number['the number of updates']:.0f} updates; asked were 30.")
    if number["different batches"] < 30:
        message = f"30 updates use {number['different batches']:.0f} different batches."
        return unfair(
            "memorising", message, "The net learns these sequences by heart.", "Make a new batch for every update."
        )
    if number["the lengths of the sequences trained on"] != 7:
        return unfair("other-distance", "It is trained at another distance than it is asked for.")
    if not number["targets that are the first symbol"]:
        return unfair("targets", "It is trained with other targets than those of make_batch.")
    if number["the sequences of an update"] != 32:
        return unfair(
            "batch-size", f"An update has {number['the sequences of an update']:.0f} sequences; wanted are 32."
        )
    known = number["sequences of the test that it was trained on"]
    if known > 250:
        return unfair(
            "tested-on-training",
            "It is tested on sequences that it was trained on.",
            "That measures learning by heart.",
            "A new batch for the test.",
        )
    if number["the sequences of the test"] < 500:
        asked = number["the sequences of the test"]
        return unfair(
            "small-test", f"The test has {asked:.0f} sequences; wanted are 500.", "With few the result is luck."
        )
    if number["their length"] != 7:
        return unfair("test-distance", "The test has another distance than the training.")
    if abs(number["the accuracy returned, less the right one"]) > 1e-9:
        return unfair("not-returned", "What learn returns is not the accuracy on the test.")
    return None


TABLES: dict[str, dict[str, dict[int, list[float]]]] = {
    "an easy table": {"b_f = 1": {5: [1.0, 1.0, 0.99], 20: [0.2, 0.3, 1.0]}, "chrono": {5: [1.0] * 3, 20: [1.0] * 3}},
    "a gap": {
        "b_f = 1": {5: [0.4] * 3, 20: [1.0] * 3, 50: [1.0] * 3},
        "chrono": {5: [1.0] * 3, 20: [0.7] * 3, 50: [1.0] * 3},
    },
    "no winner": {
        "b_f = 1": {5: [1.0, 0.2, 1.0], 20: [0.1] * 3},
        "chrono": {5: [0.995, 0.991, 0.2], 20: [0.98, 1.0, 0.5]},
    },
    "nothing learned": {"b_f = 1": {5: [0.5] * 3}, "chrono": {5: [0.1] * 3}},
    "one lucky seed": {"b_f = 1": {5: [1.0] * 3, 20: [1.0, 0.3, 0.2]}, "chrono": {5: [1.0] * 3, 20: [0.985, 1.0, 1.0]}},
}


def concluding(student: Student) -> None:
    """Made-up tables."""
    for name, table in TABLES.items():
        found = student.call(student.module.conclusions, {start: dict(row) for start, row in table.items()})
        found = found if isinstance(found, dict) else {}
        reach = found.get("reach")
        reach = reach if isinstance(reach, dict) else {}
        for start in table:
            student.see(f"the reach of {start} in {name}", reach.get(start))
        student.see(f"which reaches farther in {name}", found.get("farther"))


def measured(student: Student) -> None:
    """Real nets, three of each; the conclusions must follow from the learner's own numbers."""
    module = student.module
    results = {}
    for name, start, distance in (
        ("usual_20", "b_f = 1", 20),
        ("chrono_20", "chrono", 20),
        ("chrono_50", "chrono", 50),
    ):
        values = []
        for seed in range(3):
            network = module.Network(start, distance, seed)
            values.append(float(student.call(module.learn, network, np.random.default_rng(seed), distance, 300)))
        results[name] = values
        student.reveal(name, median(values))
    student.see("accuracy with chrono biases at distance 20", median(results["chrono_20"]))


def learned(got: Recording, wanted: Recording) -> Finding | None:
    """With chrono biases distance 20 is learned by every net that is trained as it should be."""
    value = got.values["accuracy with chrono biases at distance 20"].array
    assert value is not None
    if float(value) < 0.9:
        message = f"With chrono biases an LSTM reaches {float(value):.2f} at distance 20; it should be nearly 1."
        return Finding("not-learned", message, next="Is Network as it was in the starter?")
    return None


RUNGS = [
    Rung("shape", shape, "shape"),
    Rung("the task", large_batches, airtight),
    Rung("accuracy", share),
    Rung("learning", spied, fair),
    Rung("conclusions", concluding, draws=1),
    Rung("measured", measured, learned, draws=1, seconds=60.0, reference=False),
]
