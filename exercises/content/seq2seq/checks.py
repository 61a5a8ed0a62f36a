"""Encoder and decoder: what is read, the states between them, the loss and its gradient, then writing by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = [
    "decoder_inputs(targets)",
    "loss_and_gradient(logits, targets)",
    "Seq2Seq(hidden_size)",
    "Seq2Seq.encode(inputs, lengths)",
    "Seq2Seq.forward(inputs, lengths, targets)",
    "Seq2Seq.backward(dlogits)",
    "Seq2Seq.greedy(inputs, lengths, max_length)",
    "exact_matches(written, targets)",
]
WEIGHTS = ("W_encoder", "b_encoder", "W_decoder", "b_decoder", "W_out", "b_out")
GRADIENTS = ("db_out", "dW_out", "db_decoder", "dW_decoder", "db_encoder", "dW_encoder")
END, START, V, H = 0, 1, 10, 5
LENGTHS = (5, 2, 3, 1)
PREDICTIONS = ("copy", "reverse", "longer")


def _network(student: Student) -> Any:
    network = student.call(student.module.Seq2Seq, H)
    student.fill(network, *WEIGHTS, scale=0.7)
    return network


def _inputs(student: Student) -> tuple[Any, Any]:
    """Letters; what stands in the padding is noise, which must not matter."""
    return student.rng.integers(2, V, (max(LENGTHS), len(LENGTHS))), np.array(LENGTHS)


def _targets(student: Student, lengths: tuple[int, ...] = (3, 6, 1, 4)) -> Any:
    """Answers with END after each, then −1; one step more than the longest needs."""
    targets = np.full((max(lengths) + 2, len(lengths)), -1)
    for n, length in enumerate(lengths):
        targets[: length + 1, n] = [*student.rng.integers(2, V, length), END]
    return targets


def reading(student: Student) -> None:
    """The example of the text, then random targets."""
    example = np.array([[5, 7], [6, 0], [0, -1]])
    student.see("decoder_inputs of the example", student.call(student.module.decoder_inputs, example))
    student.see("decoder_inputs", student.call(student.module.decoder_inputs, _targets(student)))


def shape(student: Student) -> None:
    """States and logits."""
    network, (inputs, lengths) = _network(student), _inputs(student)
    student.see_parts(["h", "c"], student.call(network.encode, inputs, lengths))
    student.see("logits", student.call(network.forward, inputs, lengths, _targets(student)))


def encoder(student: Student) -> None:
    """Sequences without padding, with padding, and alone."""
    network, (inputs, lengths) = _network(student), _inputs(student)
    full = student.call(network.encode, inputs[:, :1], lengths[:1])
    student.see_parts(["h of a sequence without padding", "c of a sequence without padding"], full)
    states = student.call(network.encode, inputs, lengths)
    for n in (1, 2, 3):
        for name, state in zip("hc", states, strict=True):
            student.see(f"{name} of the sequence with {LENGTHS[n]} of {max(LENGTHS)} symbols", np.asarray(state)[n])


def teacher(student: Student) -> None:
    """Logits of one step, of one sequence, and of a padded batch."""
    network, (inputs, lengths) = _network(student), _inputs(student)
    targets = _targets(student)
    counted = targets >= 0
    logits = np.asarray(student.call(network.forward, inputs, lengths, targets))
    student.see("logits[0], those of the first step", logits[0])
    student.see("logits[1], those of the second step", logits[1])
    student.see("the matrix of all logits where a target counts", logits[counted])


def large(student: Student) -> None:
    """Logits up to a few thousand."""
    logits, targets = student.normal(8, 4, V, scale=2000.0), _targets(student)
    student.see_parts(["loss", "dlogits"], student.call(student.module.loss_and_gradient, logits, targets))


def loss(student: Student) -> None:
    """Without padding, then with it; and logits that are far apart."""
    find = student.module.loss_and_gradient
    whole = np.maximum(_targets(student), 0)
    student.see_parts(
        ["loss without padding", "dlogits without padding"], student.call(find, student.normal(8, 4, V), whole)
    )
    student.see_parts(["loss", "dlogits"], student.call(find, student.normal(8, 4, V), _targets(student)))
    far = student.call(find, student.normal(8, 4, V, scale=30.0), _targets(student))
    student.see_parts(["loss of logits that are far apart", "dlogits of logits that are far apart"], far)


def gradients(student: Student) -> None:
    """All gradients, for dlogits that are random where a target counts."""
    network, (inputs, lengths) = _network(student), _inputs(student)
    targets = _targets(student)
    dlogits = student.normal(*targets.shape, V) * (targets >= 0)[:, :, None]
    student.call(network.forward, inputs, lengths, targets)
    student.see_keys(GRADIENTS, student.call(network.backward, dlogits))


def _spelled(found: object, n: int) -> str | None:
    """What was written for sequence n, as text."""
    if not isinstance(found, list | tuple | np.ndarray) or n >= len(found):
        return None
    return " ".join(str(symbol) for symbol in np.ravel(found[n])) or "nothing"


def writing(student: Student) -> None:
    """Six sequences, of which some end by themselves and some at max_length."""
    network = _network(student)
    student.fill(network, "W_out", scale=2.0)
    inputs, lengths = student.rng.integers(2, V, (5, 6)), np.array([5, 2, 3, 1, 4, 5])
    for end, note in ((-1e3, "if END is unlikely"), (0.5, "if END is likely"), (1e3, "if END is all there is")):
        network.b_out = np.where(np.arange(V) == END, end, np.where(np.arange(V) == START, -1e3, 0.1))
        found = student.call(network.greedy, inputs, lengths, 7)
        for n in range(6):
            student.see(f"what is written for sequence {n}, {note}", _spelled(found, n))


def matches(student: Student) -> None:
    """Answers that are right, wrong in one symbol, too short, too long, in another order."""
    targets = np.array([[5, 5, 5, 5, 5, 8], [6, 6, 6, 6, 6, 0], [7, 7, 7, 7, 7, -1], [0, 0, 0, 0, 0, -1]])
    written = [[5, 6, 7], [5, 9, 7], [5, 6], [5, 6, 7, 7], [7, 6, 5], [8]]
    find = student.module.exact_matches
    names = ("right", "wrong in one symbol", "too short", "too long", "in another order", "right, and padded")
    for n, name in enumerate(names):
        found = student.call(find, [list(written[n])], targets[:, n : n + 1].copy())
        student.see(f"exact_matches for an answer that is {name}", found)
    student.see("exact_matches of all six", student.call(find, written, targets))


def purity(student: Student) -> None:
    """Targets and logits belong to the caller."""
    network, (inputs, lengths) = _network(student), _inputs(student)
    targets = _targets(student)
    logits = student.call(network.forward, inputs, lengths, targets)
    found = student.call(student.module.loss_and_gradient, logits, targets)
    student.call(network.backward, found[1])
    student.call(network.greedy, inputs, lengths, 3)
    student.see("loss", found[0])


def measured(student: Student) -> None:
    """The learner's own network, trained on both tasks."""
    module = student.module
    for name in ("copy", "reverse"):
        network = module.Seq2Seq(32, seed=0)
        reverse, rng = name == "reverse", np.random.default_rng(0)
        student.call(module.train, network, rng, reverse, 300)
        inputs, lengths, targets = module.make_batch(rng, 300, reverse)
        share = float(student.call(module.exact_matches, network.greedy(inputs, lengths, 10), targets))
        student.reveal(name, share)
        student.see(name, share)
    inputs, lengths, targets = module.make_batch(rng, 300, True, 8, 8)
    longer = float(student.call(module.exact_matches, network.greedy(inputs, lengths, 20), targets))
    student.reveal("longer", longer)


def learned(got: Recording, _: Recording) -> Finding | None:
    """Both tasks are learned by what has passed the rungs below."""
    found = {name: float(got.values[name].array or 0) for name in ("copy", "reverse")}
    low = min(found, key=found.__getitem__)
    if found[low] > 0.5:
        return None
    message = f"After 300 updates of {low}, {found[low]:.0%} of the answers are right; more than 80 % are usual."
    return Finding("not-learned", message, next="Are make_batch, train and __init__ as they were in the starter?")


RUNGS = [
    Rung("decoder inputs", reading),
    Rung("shape", shape, "shape"),
    Rung("encoder", encoder),
    Rung("teacher forcing", teacher),
    Rung("finite", large, "finite"),
    Rung("loss", loss),
    Rung("gradient", gradients),
    Rung("greedy decoding", writing),
    Rung("exact matches", matches, draws=1),
    Rung("purity", purity, "purity", own_memory=False),
    Rung("measured", measured, learned, draws=1, seconds=60.0, reference=False),
]
