"""Drawing a symbol from a model's logits, in NumPy."""

from __future__ import annotations

import numpy as np


def draw(logits: np.ndarray, u: float, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> int:
    """One symbol from logits (V,) and a uniform number u in [0, 1).

    Temperature 0 takes the largest logit. Otherwise q = softmax(logits / temperature) keeps its
    ``top_k`` largest (0: all), then, if ``top_p`` < 1, the fewest of those whose share reaches
    top_p (nucleus sampling, Holtzman et al. 2020). Of equals the lowest index comes first.
    """
    if temperature == 0:
        return int(np.argmax(logits))
    logits = logits.astype(np.float64)
    q = np.exp((logits - logits.max()) / temperature)
    q /= q.sum()
    if 0 < top_k < len(q) or top_p < 1:
        descending = np.argsort(-q, kind="stable")
        if 0 < top_k < len(q):
            descending = descending[:top_k]
        if top_p < 1:
            reached = np.cumsum(q[descending])
            descending = descending[: 1 + int(np.searchsorted(reached, top_p * reached[-1]))]
        kept = np.sort(descending)
    else:
        kept = np.arange(len(q))
    running = np.cumsum(q[kept])
    # The first index at which the running sum exceeds u of the whole; rounding may leave none.
    place = int(np.searchsorted(running, u * running[-1], side="right"))
    return int(kept[min(place, len(kept) - 1)])
