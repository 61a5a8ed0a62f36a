"""How well a model predicts a text."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arguments import checked
from ..data import Lanes
from ..nn.language_model import LanguageModel

#: The largest number of lanes and the smallest number of symbols in each: a lane's first symbols are predicted
#: from a short context and so cost more. In lanes this long they raise the mean by well under 0.01 nats.
MAX_LANES = 32
MIN_LANE = 2048
#: Time steps per call of the engine.
STEPS = 64


@checked
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
        """e^nats: the number of equally likely symbols that would leave a model as unsure."""
        return math.exp(min(self.nats, 700.0))


@checked
def evaluate(model: LanguageModel, symbols: np.ndarray) -> Evaluation:
    """How well ``model`` predicts each of ``symbols`` (N,) but the first, N ≥ 2.

    The text is cut into lanes as in training; each starts from a zero state and carries it. Their number
    depends on N alone, so the result does not depend on how the model is trained. There is no dropout, and
    nothing that training uses changes. Mean nats per symbol.
    """
    return deque(evaluation_steps(model, symbols), maxlen=1)[0]


@checked
def evaluation_steps(model: LanguageModel, symbols: np.ndarray) -> Iterator[Evaluation]:
    """``evaluate`` of ``symbols`` (N,) in small steps: yields the result so far after each."""
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
