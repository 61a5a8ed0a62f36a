"""How well a model predicts a text."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..data import Lanes
from ..nn.language_model import LanguageModel

#: At most so many lanes, of at least so many symbols each: a lane's first symbols are predicted
#: from little, and so cost more. In lanes this long that raises the mean by well under 0.01 nats.
MAX_LANES = 32
MIN_LANE = 2048
#: Time steps per call of the engine.
STEPS = 64


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy in nats per symbol over ``count`` predicted symbols."""

    nats: float
    count: int

    @property
    def bits_per_char(self) -> float:
        """nats / ln 2."""
        return self.nats / math.log(2.0)

    @property
    def perplexity(self) -> float:
        """e^nats: the model is as unsure as between so many equally likely symbols."""
        return math.exp(min(self.nats, 700.0))


def evaluate(model: LanguageModel, symbols: np.ndarray) -> Evaluation:
    """How well ``model`` predicts each of ``symbols`` (N,) but the first, N ≥ 2.

    The text is cut into lanes as in training, each starting from a zero state that then
    carries; their number depends on N alone, so the result does not depend on how the model is
    trained. No dropout. Nothing that training uses is touched.
    """
    return deque(evaluation_steps(model, symbols), maxlen=1)[0]


def evaluation_steps(model: LanguageModel, symbols: np.ndarray) -> Iterator[Evaluation]:
    """The same in small steps: yields the result so far after each, so that a caller can do other things between."""
    lanes = Lanes(symbols, max(1, min(MAX_LANES, len(symbols) // MIN_LANE)), STEPS)
    state = model.zero_state(lanes.batch_size)
    total, count = 0.0, 0
    for step in range(lanes.steps):
        inputs, targets = (array[0] for array in lanes.chunk(step, 1))
        counted = int(np.count_nonzero(targets >= 0))
        loss, state = model.evaluate(inputs, targets, state)
        total += loss * counted
        count += counted
        yield Evaluation(total / count, count)
