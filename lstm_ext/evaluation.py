"""How well a model predicts a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .language_model import LanguageModel


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy in nats per symbol over ``count`` predicted symbols."""

    nats: float
    count: int

    @property
    def bits_per_char(self) -> float:
        """nats / ln 2."""
        raise NotImplementedError

    @property
    def perplexity(self) -> float:
        """e^nats: as unsure as between so many equally likely symbols."""
        raise NotImplementedError


def evaluate(model: LanguageModel, symbols: np.ndarray) -> Evaluation:
    """Predicts each of ``symbols`` (N,) but the first, N ≥ 2, without dropout; the training state is not touched."""
    raise NotImplementedError
