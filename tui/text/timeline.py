"""What a network would have written on its way, as plain text and for a file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ext.data import Vocabulary
from lstm_ext.train.timeline import Frame, Timeline, Written

from .runs import fit, steps
from .units import number
from .visible import visible

#: How many of the next characters are told.
LIKELIEST = 8


@dataclass(frozen=True)
class Told:
    """What the network of one frame made of the prompt."""

    frame: Frame
    #: What it wrote after the prompt.
    text: str
    #: The characters that it thought likeliest right after the prompt, and their probabilities.
    expected: Sequence[tuple[str, float]]

    @classmethod
    def of(cls, frame: Frame, written: Written, vocabulary: Vocabulary) -> Told:
        """In characters."""
        likeliest = np.argsort(-written.probabilities, kind="stable")
        expected = [(vocabulary.symbols[symbol], float(written.probabilities[symbol])) for symbol in likeliest]
        return cls(frame, vocabulary.decode(written.symbols), expected)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the loss in mean nats per character, None before the first step."""
        loss = self.frame.loss
        return {
            "step": self.frame.step,
            "loss": loss if math.isfinite(loss) else None,
            "text": self.text,
            "next": dict(self.expected[:LIKELIEST]),
        }


def default_prompt(timeline: Timeline) -> str:
    """A line's end, which begins a line; or the first character that there is."""
    symbols = timeline.vocabulary.symbols
    return "\n" if "\n" in symbols else symbols[0]


def line(told: Told, width: int) -> str:
    """Step, loss, and what was written, on one line."""
    head = f"{steps(told.frame.step):>7} {number(told.frame.loss):>6}  "
    return head + fit(visible(told.text.replace("\n", "↵")), max(1, width - len(head)))


def as_csv(told: Iterable[Told]) -> str:
    """A row for each step: step, loss in nats per character, and the text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", "loss", "text"])
    for each in told:
        writer.writerow([each.frame.step, "" if math.isnan(each.frame.loss) else each.frame.loss, each.text])
    return out.getvalue()
