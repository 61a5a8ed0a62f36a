"""Samples for the screen: the network writes between two training steps, and its gates are read meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from lstm_ext.explain.reading import Reading, read
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.trainer import Trainer

from .played import PlayedTrainer


@dataclass(frozen=True)
class Sample:
    """What a network wrote after ``step`` steps, at a smoothed training loss of ``loss``, and what it did on it."""

    step: int
    loss: float
    temperature: float
    #: The symbol that was fed first, and (T,) what was drawn after it.
    first: int
    symbols: np.ndarray
    reading: Reading


class SampleSource:
    """Asks a trainer's network for samples, at most one job at a time, and never waits for it."""

    #: Characters in a sample, at most. The first ones are shorter: the network changes fast then.
    LENGTH = 240
    FIRST_LENGTH = 60

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._job: Future[Sample] | None = None
        self._drawn = 0
        symbols = trainer.vocabulary.symbols
        # A line's end begins a line; texts without one begin with their own first symbol.
        self._first = symbols.index("\n") if "\n" in symbols else int(trainer.text.symbols[0])

    @property
    def trainer(self) -> Trainer:
        """Whose network writes."""
        return self._trainer

    @property
    def busy(self) -> bool:
        """Whether a job is running, or done and not yet taken; of a recorded network, samples are given."""
        held = isinstance(self._trainer, PlayedTrainer) and not self._trainer.released
        return held or self._job is not None

    def give(self, step: int, loss: float, temperature: float, text: str) -> None:
        """``text``, with the character that was fed first, is what the network wrote. Raises DataError."""
        first, *drawn = self._trainer.vocabulary.encode(text).tolist()
        symbols = np.array(drawn, np.int32)

        def job(model: LanguageModel) -> Sample:
            return Sample(step, loss, temperature, first, symbols, self._read(model, symbols))

        self._job = self._trainer.submit(job)

    def write(self, temperature: float) -> None:
        """Asks for a new sample."""
        self._drawn += 1
        seed, length = self._drawn, min(self.LENGTH, self._drawn * self.FIRST_LENGTH)

        def job(model: LanguageModel) -> Sample:
            symbols = model.sample([self._first], length, temperature=temperature, seed=seed)
            snapshot = self._trainer.snapshot()
            return Sample(
                snapshot.step, snapshot.smoothed, temperature, self._first, symbols, self._read(model, symbols)
            )

        self._job = self._trainer.submit(job)

    def read_again(self, sample: Sample) -> None:
        """Ask what the current network does on a sample's text."""

        def job(model: LanguageModel) -> Sample:
            step = self._trainer.snapshot().step
            return replace(sample, step=step, reading=self._read(model, sample.symbols))

        self._job = self._trainer.submit(job)

    def take(self) -> Sample | None:
        """The finished job's sample, once; None if there is none. Raises what the job raised."""
        if self._job is None or not self._job.done():
            return None
        job, self._job = self._job, None
        return job.result()

    def _read(self, model: LanguageModel, symbols: np.ndarray) -> Reading:
        whole = read(model, np.concatenate([[self._first], symbols]), self._trainer.vocabulary)
        written = [{name: values[1:] for name, values in layer.items()} for layer in whole.layers]
        return replace(whole, text=whole.text[1:], layers=written, surprise=whole.surprise[1:])
