"""Day 14, exercise 5: the masks by their statistics, the states by their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grading.recording import Recording
from ...grading.report import Finding
from ...grading.rungs import Rung
from ...grading.student import Student

NAMES = ["draw_masks(rng, p, batch_size, input_size, hidden_size)", "forward(x, W, b, masks)"]
D, H, T, B = 3, 4, 6, 2
P = 0.25
MANY = (64, 30, 50)


def few_masks(student: Student) -> None:
    """A pair of masks."""
    masks = student.call(student.module.draw_masks, student.rng, P, B, D, H)
    student.see_parts(["mask_x", "mask_h"], masks)


def many_masks(student: Student) -> None:
    """Large masks, twice from the same generator, and once with nothing dropped."""
    draw = student.module.draw_masks
    for note in ("", " of a second call"):
        student.see_parts([f"mask_x{note}", f"mask_h{note}"], student.call(draw, student.rng, P, *MANY))
    for note in ("", ", again"):
        masks = student.call(draw, np.random.default_rng(7), P, *MANY)
        student.see_parts([f"{name} of equal generators{note}" for name in ("mask_x", "mask_h")], masks)
    student.see_parts(["mask_x at p = 0", "mask_h at p = 0"], student.call(draw, student.rng, 0.0, 2, D, H))


def right_masks(got: Recording, wanted: Recording) -> Finding | None:
    """Values, shares, and what must differ."""
    arrays = {name: value.array for name, value in got.values.items() if value.array is not None}
    called = "draw_masks(rng, p, batch_size, input_size, hidden_size)"
    kept = 1 / (1 - P)
    for name in ("mask_x", "mask_h"):
        mask = arrays[name].astype(float)
        values = np.unique(np.round(mask, 9))
        shown = ", ".join(f"{value:.4g}" for value in values[:4])

        def finding(code: str, message: str, cause: str = "", advice: str = "") -> Finding:
            return Finding(code, message, called, cause=cause, next=advice)

        dropped = float(np.mean(mask == 0))
        if set(values) <= {0.0, 1.0} and len(values) > 1 and abs(dropped - P) < 0.05:
            message = f"{name} holds 0 and 1: what is kept is not scaled."
            cause = "Sums of what is left are too small by the factor 1−p, in training but not in evaluation."
            return finding("unscaled", message, cause, "Divide by 1 − p.")
        if len(values) > 2 or not (set(np.round(values / kept, 6)) <= {0.0, 1.0}):
            if np.allclose(values[-1], 1 / P) and abs(dropped - P) < 0.05:
                message = f"{name} holds {shown}: kept entries are divided by p."
                return finding("scaled-by-p", message, "", "The share that is kept is 1 − p.")
            if len(values) == 2 and abs(dropped - (1 - P)) < 0.05:
                message = f"{dropped:.0%} of {name} is dropped; wanted is p = {P:.0%}."
                return finding("keeps-p", message, "p is the share that is dropped, not the one that is kept.", "")
            return finding("values", f"{name} holds {shown} …; wanted are 0 and 1/(1−p) = {kept:.4g}.")
        if abs(dropped - P) > 0.05:
            message = f"{dropped:.0%} of {name} is dropped; wanted is p = {P:.0%}."
            cause = "p is the share that is dropped." if dropped > 0.5 else "Is anything dropped at all?"
            return finding("share", message, cause)
        if np.all(mask == mask[0]):
            message = f"All sequences of the batch have the same {name}."
            cause = "Each sequence needs a mask of its own, or a whole batch learns with the same units missing."
            return finding("shared-over-batch", message, cause, "Draw (batch_size, …) numbers.")
        if np.array_equal(mask, arrays[f"{name} of a second call"]):
            message = f"Two calls return the same {name}."
            cause = "Another generator than the one given is used, and starts anew in every call."
            return finding("fixed-seed", message, cause, "Draw from rng.")
        first = arrays[f"{name} of equal generators"]
        if not np.array_equal(first, arrays[f"{name} of equal generators, again"]):
            message = f"Two equal generators give different {name}s."
            cause = "Another generator than the one given is used, so that no run can be repeated."
            return finding("other-generator", message, cause, "Draw from rng.")
        if not np.all(arrays[f"{name} at p = 0"] == 1):
            return finding("p-zero", f"{name} at p = 0 is not all ones.")
        if np.all(np.std(mask, axis=1) == 0):
            message = f"{name} drops all of a sequence's entries together or none."
            return finding("whole-rows", message, "", "Every entry is drawn by itself.")
    if np.array_equal(arrays["mask_x"], arrays["mask_h"][:, : MANY[1]]):
        message = "mask_x and mask_h are made of the same random numbers."
        return Finding("same-numbers", message, called, next="Draw twice.")
    return None


def _weights(student: Student) -> tuple[Any, Any, Any]:
    return student.normal(T, B, D), student.normal(4 * H, H + D, scale=0.7), student.normal(4 * H, scale=0.7)


def shape(student: Student) -> None:
    """All states."""
    student.see("h", student.call(student.module.forward, *_weights(student), None))


def without(student: Student) -> None:
    """Evaluation: no masks; twice."""
    arguments = _weights(student)
    student.see("h without masks", student.call(student.module.forward, *arguments, None))
    student.see("h without masks, again", student.call(student.module.forward, *arguments, None))


def given(student: Student) -> None:
    """Each mask alone, then both."""
    x, W, b = _weights(student)
    forward = student.module.forward
    mask_x = np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0]])
    mask_h = np.array([[2.0, 0.0, 2.0, 0.0], [0.0, 2.0, 2.0, 2.0]])
    ones_x, ones_h = np.ones((B, D)), np.ones((B, H))
    student.see("h with mask_x alone", student.call(forward, x, W, b, (mask_x, ones_h)))
    h = np.asarray(student.call(forward, x, W, b, (ones_x, mask_h)))
    student.see("h of step 1 with mask_h alone", h[0])
    student.see("h of step 2 with mask_h alone", h[1] if len(h) > 1 else None)
    student.see("h with mask_h alone", h)
    student.see("h with both", student.call(forward, x, W, b, (mask_x, mask_h)))


RUNGS = [
    Rung("shape of the masks", few_masks, "shape"),
    Rung("masks", many_masks, right_masks),
    Rung("shape", shape, "shape"),
    Rung("purity", given, "purity"),
    Rung("without masks", without),
    Rung("with masks", given),
]
