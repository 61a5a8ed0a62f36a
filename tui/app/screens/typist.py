"""The samples of a network: asked for one after the other, and typed into the stream and the gates."""

from __future__ import annotations

from time import monotonic

from lstm_ext.train.diagnosis import Diagnosis, repetition
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer

from ..samples import Sample, SampleSource
from ..widgets.gate_heatmap import GateHeatmap
from ..widgets.sample_stream import SampleStream
from .files import FILE_ERRORS

_CHARACTERS_PER_SECOND = 40
#: Seconds between the end of one sample and the next.
_REST = 1.5
#: The step from which a sample that repeats itself is a symptom, and how much of the text is searched for such a loop.
_FIRST_REPETITION, _SEARCHED = 500, 100_000


class Typist:
    """Shows what ``trainer``'s network writes; nothing here waits for it."""

    def __init__(self, trainer: Trainer, gates: GateHeatmap, stream: SampleStream, *, fps: int) -> None:
        self.trainer = trainer
        self._gates, self._stream, self._per_frame = gates, stream, max(1, _CHARACTERS_PER_SECOND // fps)
        #: None after a bug: no more are asked for.
        self._source: SampleSource | None = SampleSource(trainer)
        #: The last sample, how many of its characters are shown, and what is wrong with it.
        self.sample: Sample | None = None
        self.typed = 0
        self.repetition: Diagnosis | None = None
        self._rest_until = 0.0
        #: A sample has been asked for by key.
        self._wanted = False
        #: The recorded sample that was shown last.
        self._given: tuple[int, str] | None = None

    def want(self) -> None:
        """Show the rest of the current sample at once and ask for the next."""
        if self.sample is not None:
            self._type(len(self.sample.reading.text))
        self._wanted = True

    def give(self, step: int, loss: float, temperature: float, text: str) -> bool:
        """Show a recorded sample, the first character of which was fed; whether it is another than before.

        Raises LabError for characters that the network does not know.
        """
        if self._source is None or self._given == (step, text):
            return False
        self._given = (step, text)
        self._source.give(step, loss, temperature, text)
        return True

    def advance(self, snapshot: Snapshot, temperature: float) -> None:
        """Take what the network wrote, show a part of it, and ask for more when all is shown.

        Raises what the network raised when it wrote.
        """
        source = self._source
        if source is None:
            return
        try:
            arrived = source.take()
        except Exception as error:
            if not isinstance(error, FILE_ERRORS):
                self._source = None
            raise
        if arrived is not None:
            self._begin(arrived)
        unfinished = self.sample is not None and self.typed < len(self.sample.reading.text)
        if unfinished:
            self._type(self._per_frame)
            self._rest_until = monotonic() + _REST
        if source.busy:
            return
        rested = snapshot.status == "running" and snapshot.step > 0 and monotonic() > self._rest_until
        if self._wanted or (rested and not unfinished):
            self._wanted = False
            source.write(temperature)
        elif snapshot.status == "paused" and self.sample is not None and self.sample.step != snapshot.step:
            source.read_again(self.sample)

    def _begin(self, arrived: Sample) -> None:
        """Begin a new sample, or show what the network does now on the one that is there."""
        before, self.sample = self.sample, arrived
        if before is not None and arrived.symbols is before.symbols:
            self._gates.replace(before.reading, arrived.reading)
            self._stream.read_again(arrived.reading.surprise[: self.typed])
            return
        self.typed = 0
        self._stream.begin(f"step {arrived.step:,} · loss {arrived.loss:.3f}")
        self.repetition = self._repeats(arrived)

    def _repeats(self, sample: Sample) -> Diagnosis | None:
        """What is said of a sample in a loop; not of the first ones, before the network has learned anything."""
        if sample.step < _FIRST_REPETITION or repetition(sample.reading.text, "") is None:
            return None
        known = self.trainer.vocabulary.decode(self.trainer.text.symbols[:_SEARCHED])
        return repetition(sample.reading.text, known)

    def _type(self, count: int) -> None:
        if self.sample is None:
            return
        reading, start = self.sample.reading, self.typed
        self.typed = min(len(reading.text), start + count)
        self._stream.type(reading.text[start : self.typed], reading.surprise[start : self.typed])
        self._gates.append(reading, start, self.typed)
