"""n-gram models: what counting alone can predict, to compare a network's loss with."""

from __future__ import annotations

import numpy as np


def ngram_losses(train: np.ndarray, validation: np.ndarray, num_symbols: int) -> dict[str, float]:
    """Mean nats per symbol of validation[1:] under n-gram models counted on ``train``.

    Keys "unigram", "bigram", "trigram", "5-gram". Empty if the text is too large for counting in memory.
    """
    raise NotImplementedError
