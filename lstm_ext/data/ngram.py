"""n-gram models: what counting alone can predict, to compare a network's loss with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..arguments import Size, checked
from ..errors import ArgumentError

#: Name → how many symbols, the predicted one included, the model looks at.
ORDERS: Mapping[str, int] = MappingProxyType({"unigram": 1, "bigram": 2, "trigram": 3, "5-gram": 5})
#: Counting takes about 100 bytes per symbol; of a longer training text only the last part is counted.
MAX_SYMBOLS = 4_000_000


@checked
def ngram_losses(train: np.ndarray, validation: np.ndarray, num_symbols: Size) -> dict[str, float]:
    """Mean nats per symbol of ``validation[1:]`` under n-gram models counted on ``train``.

    Interpolated Witten-Bell smoothing (Bell, Cleary and Witten 1990; Chen and Goodman 1999,
    equation 15): a context h that was followed c(h) times, by N(h) different symbols, gives

        P(w|h) = (c(hw) + N(h)·P(w|h')) / (c(h) + N(h)),

    where h' is h without its first symbol, and the unigram model falls back on 1/``num_symbols``.
    ``train`` (N,) and ``validation`` (M ≥ 2,) follow each other in one text. Empty if N is 0 or
    the validation text is too long to count. Raises ArgumentError for anything but symbols (N,).
    """
    for name, text in (("train", train), ("validation", validation)):
        if text.ndim != 1 or text.dtype.kind not in "iu":
            raise ArgumentError(f"{name}: got {text.dtype} {text.shape}, expected integers (N,)")
        if text.size and not 0 <= text.min() <= text.max() < num_symbols:
            raise ArgumentError(f"{name}: got {text.min()} to {text.max()}, expected 0 to {num_symbols - 1}")
    train = train[-MAX_SYMBOLS:]
    if not len(train) or len(validation) > MAX_SYMBOLS:
        return {}
    symbols = np.concatenate([train, validation]).astype(np.int64)
    scored = slice(len(train) + 1, None)
    probability = np.full(len(symbols) - scored.start, 1.0 / num_symbols)
    losses = {}
    # Of every position: which context of n−1 symbols precedes it, numbered from 0.
    context = np.zeros(len(symbols), dtype=np.int64)
    names = {order: name for name, order in ORDERS.items()}
    for order in range(1, max(ORDERS.values()) + 1):
        grams, gram = np.unique(context * num_symbols + symbols, return_inverse=True)
        trained = slice(order - 1, len(train))
        followed = np.bincount(context[trained], minlength=int(context.max()) + 1)
        count = np.bincount(gram[trained], minlength=len(grams))
        kinds = np.bincount((grams // num_symbols)[count > 0], minlength=len(followed))
        c, n = followed[context[scored]], kinds[context[scored]]
        # A context never seen in training says nothing: the shorter one decides.
        probability = np.where(c > 0, (count[gram[scored]] + n * probability) / np.maximum(c + n, 1), probability)
        if order in names:
            losses[names[order]] = float(-np.log(probability).mean())
        context = np.concatenate([gram[:1], gram[:-1]])
    return losses
