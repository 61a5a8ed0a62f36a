"""Makes machine.safetensors again: ``python -m lstm_lab.exercises.content.read_the_machine.make FILE``, half a minute.

Eight units and a penalty on the weights, so that single units do the work; of the starts tried this one was chosen,
because in it one unit counts, one remembers and one knows about quotes. Another kernel rounds in another way: then
the machine is another one, and the solution's answers have to be found anew. (Made with the C core's kernel avx512.)
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from lstm_ext import (
    Checkpoint,
    LanguageModel,
    ModelConfig,
    OptimizerConfig,
    RunState,
    TrainerConfig,
    Vocabulary,
    save_checkpoint,
)
from lstm_ext.data import TextIdentity
from lstm_ext.nn import Optimizer

from .machine import SIGNALS, SYMBOLS, make_text, read

SEED, UNITS, UPDATES, LANES, STEPS, PENALTY = 1, 8, 5000, 32, 120, 0.02


def train() -> tuple[LanguageModel, str]:
    """The machine, and the text that it learned."""
    rng, vocabulary = np.random.default_rng(SEED), Vocabulary(SYMBOLS)
    model = LanguageModel(ModelConfig(len(SYMBOLS), UNITS, len(SYMBOLS)), seed=SEED, forget_bias=3.0)
    optimizer = Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=_rate)
    text = make_text(rng, 150_000)
    symbols = vocabulary.encode(text)
    starts = np.concatenate([[0], 1 + np.flatnonzero(symbols[: -STEPS - 2] == SYMBOLS.index("\n"))])
    starts = starts[starts < len(symbols) - STEPS - 2]
    for update in range(UPDATES):
        window = symbols[rng.choice(starts, LANES) + np.arange(STEPS + 1)[:, np.newaxis]]
        model.train_step(window[:-1], None, window[1:], optimizer)
        if update > UPDATES / 10:
            for name in ("layers.0.W", "output.W"):
                W = model.weights()[name]
                W[...] = np.sign(W) * np.maximum(np.abs(W) - PENALTY * _rate(optimizer.steps), 0.0)
    return model, text


def _rate(step: int) -> float:
    return 0.01 * (1.0 if step < 0.6 * UPDATES else 0.3 if step < 0.85 * UPDATES else 0.1)


def main(path: str) -> None:
    """Train, save, and say which unit does what."""
    model, text = train()
    config = TrainerConfig(seq_length=STEPS, batch_size=LANES, average=0.0)
    identity = TextIdentity("machine.txt", "utf-8", len(text), hashlib.sha256(text.encode()).hexdigest())
    state = RunState.start(model, config)
    state.step = UPDATES
    save_checkpoint(Checkpoint(model.config, Vocabulary(SYMBOLS), config, identity, state), path)
    found = read(model, make_text(np.random.default_rng(9), 6000))
    for name in SIGNALS:
        unit = found.unit(name)
        print(f"{name}: unit {unit}, r = {found.r[name][unit]:.2f}, zeroed {found.effect[name][unit]:+.2f} nats")


if __name__ == "__main__":
    main(sys.argv[1])
